"""Whose key opens what: accounts are apart, scopes are kept, and a revoked key ends soon."""

import uuid

from harness.client import WAIT, Client, new_account
from harness.wait import wait_for

KEY_CACHE_S = 10


def test_given_no_key_or_a_wrong_one_then_401_and_how_to_ask(system):
    account = new_account()
    for key in (None, "", "nonsense", "a" * 3000):
        reply = Client(system.edge_port, key, account).create_invoice()
        assert reply.status in (401, 431), key
        if reply.status == 401:
            assert reply.problem == "unauthenticated"
            assert reply.header("www-authenticate").startswith("Bearer")
    client = system.client(account)
    reply = client.request(
        "GET", f"{client.base()}/invoices", None, {"Authorization": f"Basic {client.key}"}
    )
    assert reply.status == 401


def test_given_another_account_then_403_wherever_its_id_stands(system):
    mine, other = system.client(), system.client()
    theirs = other.create_invoice(headers=WAIT)
    assert theirs.status == 201
    invoice = theirs.json()["id"]
    receipt = f"{other.base()}/commands/{invoice}"
    for reply in (
        mine.get(f"{other.base()}/invoices"),
        mine.get(f"{other.base()}/invoices/{invoice}"),
        mine.get(receipt),
        mine.post(f"{other.base()}/invoices", {}),
        mine.post(f"{other.base()}/invoices/{invoice}/finalize", {}),
    ):
        assert (reply.status, reply.problem) == (403, "forbidden")
        assert b"Flour" not in reply.body

    # Under one's own account the other's ids name nothing.
    assert mine.invoice(invoice).status == 404
    assert mine.finalize(invoice, WAIT).problem == "invoice-not-found"
    assert mine.pay(invoice, 1, WAIT).problem == "no-such-invoice"
    assert mine.get(f"{mine.base()}/commands/{invoice}").status == 404


def test_given_scopes_then_a_key_does_what_they_say_and_no_more(system):
    account = new_account()
    reader = system.client(account, "billing:read")
    writer = system.client(account, "billing:write")
    assert reader.get(f"{reader.base()}/invoices").status == 200
    assert reader.create_invoice().problem == "forbidden"
    created = writer.create_invoice()
    assert created.status == 202
    assert writer.get(f"{writer.base()}/invoices").problem == "forbidden"


def test_given_an_operators_key_then_every_account_is_open(system):
    client = system.client()
    created = client.create_invoice(headers=WAIT).json()
    operator = system.operator(client.account)
    assert operator.invoice(created["id"]).json() == created
    assert operator.finalize(created["id"], WAIT).status == 200


def test_given_a_revoked_key_then_it_ends_within_the_cache_time(system):
    client = system.client()
    assert client.create_invoice().status == 202
    key = system.sql("select id from millrace.api_key where account_id = %s", client.account)[0][0]
    system.must_ctl("keys", "revoke", key)
    wait_for(lambda: client.create_invoice().status == 401, "the key to end", KEY_CACHE_S + 1, 0.2)


def test_given_secrets_then_none_is_stored_or_logged(system):
    client = system.client()
    assert client.create_invoice().status == 202
    listed = system.must_ctl("keys", "list")
    assert client.account in listed
    assert client.key not in listed
    for program in system.programs:
        assert client.key not in program.log_text()
    dump = system.sql(
        "select k::text, s::text from millrace.api_key k join millrace.api_secret s"
        " on s.key_id = k.id where k.account_id = %s",
        client.account,
    )
    assert dump and client.key not in str(dump)
    assert uuid.UUID(client.account)
