"""The same Idempotency-Key is the same command: one effect, one answer, and no other content."""

import uuid
from concurrent.futures import ThreadPoolExecutor

from harness.client import WAIT
from harness.ledger import id_of_key


def keyed(key, **more):
    return {"Idempotency-Key": key, **more}


def test_given_a_repeat_then_the_same_id_one_effect_and_the_outcome_replayed(system):
    client = system.client()
    first = client.create_invoice(headers=keyed("order-1", **WAIT))
    assert first.status == 201
    assert first.header("idempotent-replayed") is None
    assert first.json()["id"] == id_of_key(client.account, "order-1")

    again = client.create_invoice(headers=keyed("order-1", **WAIT))
    assert again.status == 201
    assert again.header("idempotent-replayed") == "true"
    assert again.json() == first.json()

    plain = client.create_invoice(headers=keyed("order-1"))
    assert (plain.status, plain.json()["id"]) == (202, first.json()["id"])
    assert client.receipt(plain)["status"] == "applied"
    assert len(client.items(f"{client.base()}/invoices")) == 1
    system.verify()


def test_given_another_body_then_422_and_never_a_second_effect(system):
    client = system.client()
    first = client.create_invoice(headers=keyed("order-1", **WAIT))

    other = client.create_invoice(customer="Grace", headers=keyed("order-1", **WAIT))
    assert (other.status, other.problem) == (422, "key-reused")

    unaware = client.create_invoice(customer="Alan", headers=keyed("order-1"))
    assert unaware.status == 202
    asked = client.get(unaware.header("location"), {"Prefer": "wait=5"})
    assert (asked.status, asked.problem) == (422, "key-reused")

    assert (
        client.receipt(
            first.header("location") and f"{client.base()}/commands/" + first.json()["id"]
        )["status"]
        == "applied"
    )
    assert [item["customer"] for item in client.items(f"{client.base()}/invoices")] == ["Ada"]
    system.verify()


def test_given_a_rejected_command_then_its_repeat_is_rejected_alike(system):
    client = system.client()
    missing = str(uuid.uuid4())
    first = client.pay(missing, 5, keyed("pay", **WAIT))
    again = client.pay(missing, 5, keyed("pay", **WAIT))
    assert (first.status, first.problem) == (409, "no-such-invoice")
    assert (again.status, again.problem) == (409, "no-such-invoice")
    assert again.header("idempotent-replayed") == "true"


def test_given_a_uuid_as_key_then_it_is_the_id_in_lower_case(system):
    client = system.client()
    key = str(uuid.uuid4())
    upper = client.create_invoice(headers=keyed(key.upper()))
    quoted = client.create_invoice(headers=keyed(f'"{key}"'))
    assert upper.json()["id"] == quoted.json()["id"] == key


def test_given_keys_of_every_length_then_255_is_the_longest(system):
    client = system.client()
    assert client.create_invoice(headers=keyed("k" * 255)).status == 202
    assert client.create_invoice(headers=keyed("k" * 256)).status == 400
    assert client.create_invoice(headers=keyed("")).status == 400


def test_given_the_same_key_of_two_accounts_then_two_commands(system):
    one, two = system.client(), system.client()
    ids = {
        client.create_invoice(headers=keyed("order-1", **WAIT)).json()["id"]
        for client in (one, two)
    }
    assert len(ids) == 2


def test_given_many_repeats_at_once_then_one_effect(system):
    client = system.client()
    with ThreadPoolExecutor(8) as pool:
        replies = list(
            pool.map(lambda _: client.create_invoice(headers=keyed("order-1", **WAIT)), range(24))
        )
    assert {reply.status for reply in replies} <= {201, 202}
    assert len({reply.json()["id"] for reply in replies}) == 1
    assert (
        client.receipt(f"{client.base()}/commands/{replies[0].json()['id']}")["status"] == "applied"
    )
    assert len(client.items(f"{client.base()}/invoices")) == 1
    system.verify()
