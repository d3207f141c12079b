"""Workers come and go; the lanes follow, and an account's commands stay in order."""

import threading

from harness.client import new_account
from harness.ledger import Ledger
from harness.wait import wait_for


def owners(system):
    """How many different backends the lanes' rows name among those that live."""
    return system.sql(
        "select count(distinct a.pid) from millrace.lane l join pg_stat_activity a"
        " on a.pid = l.backend_pid where l.domain = 'billing'"
    )[0][0]


class Shopper(threading.Thread):
    """Goes through an invoice's life again and again for one account, without waiting."""

    def __init__(self, system):
        super().__init__(daemon=True)
        self.ledger = Ledger(system.operator())
        self.account = new_account()
        self.enough = threading.Event()

    def run(self):
        base, turn = f"/v1/accounts/{self.account}", 0
        while not self.enough.is_set():
            turn += 1
            created = self.ledger.submit(
                self.account,
                f"{base}/invoices",
                {
                    "customer": "Ada",
                    "currency": "EUR",
                    "lines": [{"description": "Flour", "quantity": 1, "unit_amount_minor": 5}],
                },
                f"create-{turn}",
            )
            self.ledger.submit(
                self.account, f"{base}/invoices/{created.id}/finalize", {}, f"finalize-{turn}"
            )
            self.ledger.submit(
                self.account,
                f"{base}/payments",
                {"invoice": created.id, "amount_minor": 5},
                f"pay-{turn}",
            )


def test_given_two_workers_and_a_third_then_lanes_move_under_load_without_a_slip(system):
    shoppers = [Shopper(system) for _ in range(6)]
    for shopper in shoppers:
        shopper.start()
    system.start_worker()
    wait_for(lambda: owners(system) == 2, "two workers to share the lanes", 30)
    third = system.start_worker()
    wait_for(lambda: owners(system) == 3, "a third to join", 30)
    third.kill9()
    wait_for(lambda: owners(system) == 2, "two to share again", 30)
    system.living_workers()[1].stop()
    wait_for(lambda: owners(system) == 1, "one to own all", 30)
    for shopper in shoppers:
        shopper.enough.set()
    for shopper in shoppers:
        shopper.join(30)
        count = len(shopper.ledger.entries)
        assert count > 0
        assert shopper.ledger.settle() == {"applied": count}
    system.verify()
