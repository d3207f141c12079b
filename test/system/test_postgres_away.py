"""Postgres is away: writes go on, reads say so; what was accepted is applied on its return."""

from harness.client import WAIT, Client
from harness.wait import wait_for


def test_given_postgres_stopped_then_commands_are_accepted_and_applied_after_its_return(system):
    client = system.client()
    assert client.create_invoice(headers=WAIT).status == 201
    pids = [system.edge.pid, system.worker.pid, system.loader.pid]

    system.postgres.stop()
    replies = [client.create_invoice() for _ in range(20)]
    assert [reply.status for reply in replies] == [202] * 20
    waited = client.create_invoice(headers={"Prefer": "wait=1"})
    assert waited.status == 202, "who waits in vain has its receipt"
    assert client.get(f"{client.base()}/invoices").status == 503
    assert Client(system.edge_port, "no-such-key", client.account).create_invoice().status in (
        401,
        503,
    )
    is_ready, _ = system.edge.readiness()
    assert is_ready
    wait_for(lambda: not system.worker.readiness()[0], "the worker to say that it is not ready")
    system.postgres.start()

    for reply in [*replies, waited]:
        receipt = wait_for(lambda: applied(client, reply), "the command to be applied", 40)
        assert receipt["id"] == reply.json()["id"]
    assert pids == [system.edge.pid, system.worker.pid, system.loader.pid]
    system.verify()


def applied(client, reply):
    receipt = client.receipt(reply)
    return receipt if receipt["status"] == "applied" else None


def test_given_an_unknown_key_while_postgres_is_away_then_503_not_401(system):
    secret = system.new_key("3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10")
    client = Client(system.edge_port, secret, "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10")

    system.postgres.stop()
    reply = client.create_invoice()
    system.postgres.start()

    assert reply.status == 503
    assert reply.problem == "unavailable"
    wait_for(lambda: client.create_invoice().status == 202, "the key to be known", 20)


def test_given_both_servers_killed_then_everything_goes_on_where_it_was(system):
    client = system.client()
    created = client.create_invoice(headers=WAIT)
    invoice = created.json()["id"]
    finalized = client.finalize(invoice)
    assert finalized.status == 202

    system.kafka.kill9()
    system.postgres.kill9()
    system.postgres.start()
    system.kafka.start()

    wait_for(lambda: applied(client, finalized), "the command to be applied", 40)
    paid = wait_for(lambda: paid_now(client, invoice), "the edge to accept again", 40)
    assert paid.json()["amount_minor"] == 1000
    assert client.invoice(invoice).json()["status"] == "paid"
    system.verify()


def paid_now(client, invoice):
    reply = client.pay(invoice, 1000, {"Idempotency-Key": "payment", **WAIT})
    return reply if reply.status == 201 else None
