"""The log stands still or is gone: never a 2xx without it, and recovery without a restart."""

from concurrent.futures import ThreadPoolExecutor

from harness.client import new_account
from harness.ledger import Ledger
from harness.wait import wait_for

CLIENTS = 6


def post_invoice(client, key):
    return client.create_invoice(headers={"Idempotency-Key": key})


def check_refusal(reply):
    """503: certainly not stored, come again. 504: perhaps stored, ask or send it again."""
    if reply.status == 503:
        assert reply.problem == "not-accepted"
        assert reply.header("retry-after")
    else:
        assert reply.status == 504, reply
        assert reply.problem == "outcome-unknown"
        assert reply.header("retry-after") is None
        assert reply.json()["id"] in reply.header("location")


def refused_while_away(system, client, keys):
    with ThreadPoolExecutor(CLIENTS) as pool:
        replies = list(pool.map(lambda key: post_invoice(client, key), keys))
    for reply in replies:
        check_refusal(reply)
    assert system.edge.readiness()[0], "an edge without its log still serves reads: it stays ready"
    return replies


def accepted_again(client, keys, pids, system):
    """Each key is accepted in the end, by the same processes, and has one effect."""
    ledger = Ledger(client)
    for key in keys:
        ledger.submit(
            client.account,
            f"{client.base()}/invoices",
            {
                "customer": "Ada",
                "currency": "EUR",
                "lines": [{"description": "Flour", "quantity": 2, "unit_amount_minor": 500}],
            },
            key,
            30,
        )
    assert ledger.settle() == {"applied": len(keys)}
    assert pids == [system.edge.pid, system.worker.pid, system.loader.pid]
    assert len(client.items(f"{client.base()}/invoices")) == len(keys)
    system.verify()


def test_given_kafka_frozen_then_no_command_is_accepted_and_all_recover_by_themselves(system):
    client = system.client()
    before = post_invoice(client, "before")
    assert before.status == 202
    client.receipt(before)
    pids = [system.edge.pid, system.worker.pid, system.loader.pid]
    keys = [f"frozen-{n}" for n in range(CLIENTS)]

    system.kafka.freeze()
    replies = refused_while_away(system, client, keys)
    assert any(reply.status == 504 for reply in replies), "what was sent may have been stored"
    assert client.get(f"{client.base()}/invoices").status == 200
    system.kafka.thaw()

    accepted_again(client, ["before", *keys], pids, system)


def test_given_kafka_killed_then_no_command_is_accepted_and_all_recover_by_themselves(system):
    client = system.client(new_account())
    before = post_invoice(client, "before")
    client.receipt(before)
    pids = [system.edge.pid, system.worker.pid, system.loader.pid]
    keys = [f"killed-{n}" for n in range(CLIENTS)]

    system.kafka.kill9()
    refused_while_away(system, client, keys)
    system.kafka.start()

    wait_for(lambda: post_invoice(client, "before").status == 202, "the edge to accept again", 30)
    accepted_again(client, ["before", *keys], pids, system)
