"""A worker that stands still and wakes up: a zombie that must find out before it writes."""

import time

from harness.client import new_account
from harness.ledger import Ledger
from harness.wait import wait_for

SESSION_S = 3  # SESSION_TIMEOUT_MS of harness.system
HELD_UP_S = 3  # the design's bound on a frozen owner's hold over a takeover


def submit_invoices(system, count):
    """One invoice for each of `count` new accounts, so that every lane has work."""
    ledger = Ledger(system.operator())
    for _ in range(count):
        account = new_account()
        ledger.submit(
            account,
            f"/v1/accounts/{account}/invoices",
            {
                "customer": "Ada",
                "currency": "EUR",
                "lines": [{"description": "Flour", "quantity": 1, "unit_amount_minor": 250}],
            },
            "only",
        )
    return ledger


def test_given_a_worker_frozen_past_its_session_then_another_takes_over_and_the_sleeper_lets_go(
    system,
):
    sleeper = system.worker
    other = system.start_worker()
    submit_invoices(system, 20).settle()
    fences = dict(system.sql("select lane, fence from millrace.lane where domain = 'billing'"))

    sleeper.freeze()
    ledger = submit_invoices(system, 30)
    assert ledger.settle(SESSION_S + 15) == {"applied": 30}
    taken = dict(system.sql("select lane, fence from millrace.lane where domain = 'billing'"))
    assert all(taken[lane] != fence for lane, fence in fences.items())

    sleeper.thaw()
    sleeper.wait_ready()
    ledger = submit_invoices(system, 30)
    assert ledger.settle() == {"applied": 30}
    assert sleeper.is_alive() and other.is_alive()
    system.verify()


def test_given_a_worker_frozen_inside_its_transaction_then_the_takeover_is_held_up_by_3_s_at_most(
    system,
):
    sleeper = system.worker
    submit_invoices(system, 10).settle()

    # Another session's lock stops the worker in the middle of its transaction, after its claim.
    with system.postgres.connect("millrace") as blocker:
        blocker.autocommit = False
        blocker.execute("lock table billing.invoice in access exclusive mode")
        ledger = submit_invoices(system, 1)
        backend = wait_for(
            lambda: system.sql(
                "select l.lane, a.pid from millrace.lane l"
                " join pg_stat_activity a on a.pid = l.backend_pid"
                " where a.wait_event_type = 'Lock' and a.xact_start is not null"
            ),
            "the worker to wait inside its transaction",
        )
        sleeper.freeze()
        blocker.rollback()
    frozen_pid = backend[0][1]
    wait_for(
        lambda: system.sql(
            "select 1 from pg_stat_activity where pid = %s and state = 'idle in transaction'",
            frozen_pid,
        ),
        "the frozen worker's transaction to stay open",
    )

    began = time.monotonic()
    other = system.start_worker()
    # A new member waits for the sleeper's session to end before it is given anything.
    assert ledger.settle(60) == {"applied": 1}
    took_s = time.monotonic() - began
    assert took_s < SESSION_S + HELD_UP_S + 2, f"{took_s:.1f} s"
    assert not system.sql("select 1 from pg_stat_activity where pid = %s", frozen_pid)

    sleeper.thaw()
    sleeper.wait_ready()
    assert submit_invoices(system, 20).settle() == {"applied": 20}
    assert other.is_alive()
    system.verify()
