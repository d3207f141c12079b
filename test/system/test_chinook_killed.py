"""The same shop while its servers are killed under it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import chinook
from harness.ledger import Ledger
from harness.wait import wait_for

KINDS = ("edge", "worker", "loader")


def accepted(ledger):
    return sum(1 for entry in list(ledger.entries) if entry.location)


def kill_and_start(system, name):
    getattr(system, name).kill9()
    {"edge": system.start_edge, "worker": system.start_worker, "loader": system.start_loader}[
        name
    ]()


def shop_under_fire(system, rng, salt, kills_of_each):
    """Kills a program whenever the clients have come to a random number of accepted commands."""
    victims = list(KINDS) * kills_of_each
    rng.shuffle(victims)
    # While a worker starts again the shop may come to its end: the edge, whose death clients feel,
    # dies first.
    victims.remove("edge")
    victims.insert(0, "edge")
    moments = sorted(rng.sample(range(3 * chinook.INVOICES - 50), len(victims)))
    ledger = Ledger(system.operator())
    with ThreadPoolExecutor(1) as pool:
        shop = pool.submit(chinook.submit_all, ledger, salt)
        for moment, victim in zip(moments, victims, strict=True):
            wait_for(
                lambda: shop.done() or accepted(ledger) >= moment,
                f"{moment} accepted commands",
                90,
                0.002,
            )
            kill_and_start(system, victim)
        shop.result()
    return ledger


def check_shop(system, ledger, salt):
    assert ledger.unsure() > 0, "no client felt a kill: the story proves nothing"
    assert ledger.settle() == {"applied": 3 * chinook.INVOICES}
    chinook.check_books(system, salt)
    system.verify()


def test_given_programs_killed_at_random_then_retries_with_the_same_keys_lose_and_double_nothing(
    system, rng
):
    check_shop(system, shop_under_fire(system, rng, "killed:", 3), "killed:")


@pytest.mark.long
@pytest.mark.parametrize("turn", range(8))
def test_given_programs_killed_many_times_then_nothing_is_lost_or_doubled(system, rng, turn):
    salt = f"killed-{turn}:"
    check_shop(system, shop_under_fire(system, rng, salt, 12), salt)
