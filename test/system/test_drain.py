"""SIGTERM loses no request: the edge goes on taking until its clients have gone elsewhere."""

import threading
import time

from harness.client import Client, new_account
from harness.http import NoAnswer
from harness.ledger import Ledger
from harness.wait import wait_for


class Walker(threading.Thread):
    """A client that sends until it is told to leave; a lost request is its failure."""

    def __init__(self, system, edge):
        super().__init__(daemon=True)
        self.client = Client(edge.port, system.operator_key, new_account())
        self.receipts, self.lost, self.odd = [], [], []
        self.leave = threading.Event()

    def run(self):
        while not self.leave.is_set():
            try:
                reply = self.client.create_invoice()
            except NoAnswer as error:
                self.lost.append(error)
                continue
            if reply.status == 202:
                self.receipts.append(reply)
            else:
                self.odd.append(reply)


def test_given_sigterm_under_load_then_every_request_is_answered_and_every_202_applied(system):
    edge = system.start_edge(EDGE_PORT=0, DRAIN_MS=8000)
    walkers = [Walker(system, edge) for _ in range(8)]
    reader = walkers[0].client
    wait_for(
        lambda: reader.get(f"{reader.base()}/invoices").status == 200, "the edge to reach Postgres"
    )
    reader.http.close()  # an open connection would keep the edge from being quiet
    for walker in walkers:
        walker.start()
    wait_for(lambda: all(len(walker.receipts) > 20 for walker in walkers), "the load to flow")

    edge.send(15)
    wait_for(lambda: not edge.readiness()[0], "/readyz to say 503", 2)
    # A proxy has seen it and sends its clients elsewhere, one after the other; until then they
    # are served as ever.
    for walker in walkers:
        at_drain = len(walker.receipts)
        wait_for(
            lambda: walker.lost or walker.odd or len(walker.receipts) > at_drain + 5,
            "commands to be taken as ever",
            5,
        )
        walker.leave.set()
        walker.join(10)
    left = time.monotonic()
    assert edge.wait(15) == 0
    assert time.monotonic() - left < 4, "nobody is connected: 2 s are enough"

    assert not any(walker.lost for walker in walkers), [walker.lost for walker in walkers]
    assert not any(walker.odd for walker in walkers), [walker.odd for walker in walkers]
    receipts = [reply for walker in walkers for reply in walker.receipts]
    reader = system.operator()
    for reply in receipts[-200:]:
        assert reader.receipt(reply.header("location"))["status"] == "applied"
    ids = [reply.json()["id"] for reply in receipts]
    assert system.sql("select count(*) from millrace.command where id = any(%s::uuid[])", ids) == [
        (len(ids),)
    ]


def test_given_sigterm_of_worker_and_loader_under_load_then_they_end_in_10_s_and_lose_nothing(
    system,
):
    ledger = Ledger(system.operator())
    for _ in range(50):
        account = new_account()
        ledger.submit(
            account,
            f"/v1/accounts/{account}/invoices",
            {
                "customer": "Ada",
                "currency": "EUR",
                "lines": [{"description": "Flour", "quantity": 1, "unit_amount_minor": 5}],
            },
            "only",
        )
    assert system.worker.stop(10) == 0
    assert system.loader.stop(10) == 0
    system.start_worker()
    system.start_loader()
    assert ledger.settle() == {"applied": 50}
    system.verify()


def test_given_an_idle_edge_then_sigterm_ends_it_soon(system):
    edge = system.start_edge(EDGE_PORT=0)
    assert edge.stop(5) == 0, "nobody is connected: 2 s are enough"
