"""A receipt's life: what it says before, at and after the outcome, and what it never claims."""

import re
import uuid

from harness.client import WAIT
from harness.commands import INVOICE

AT = re.compile(r"billing-\d+-\d+$")


def test_given_a_command_then_the_receipt_names_itself_its_place_and_its_thing(system):
    client = system.client()
    reply = client.create_invoice()
    receipt = reply.json()
    assert reply.status == 202
    assert (receipt["type"], receipt["status"]) == ("billing.invoice.create", "accepted")
    assert AT.match(receipt["at"])
    assert receipt["subject"] == receipt["id"], "the created thing's id is the command's"
    assert reply.header("location") == receipt["links"]["self"]
    assert reply.header("location").endswith(f"/commands/{receipt['id']}?at={receipt['at']}")
    assert receipt["links"]["resource"] == f"{client.base()}/invoices/{receipt['id']}"

    lane, position = map(int, receipt["at"].split("-")[1:])
    record = system.log.read_at("billing.commands", lane, position)
    assert record.key == client.account.encode()
    assert record.header("ce_id") == receipt["id"]
    assert record.header("ce_type") == "billing.invoice.create"
    assert record.header("ce_account") == client.account

    settled = client.receipt(reply)
    assert settled["status"] == "applied"
    assert settled["applied_at"].endswith("Z")
    assert settled["at"] == receipt["at"]
    assert settled["links"]["resource"] == receipt["links"]["resource"]


def test_given_prefer_wait_then_201_with_the_resource_as_it_reads(system):
    client = system.client()
    created = client.create_invoice(headers=WAIT, due_days=14)
    assert created.status == 201
    assert created.header("preference-applied") == "wait=10"
    invoice = created.json()
    assert created.header("location") == f"{client.base()}/invoices/{invoice['id']}"
    assert invoice["account_id"] == client.account
    assert (invoice["status"], invoice["number"], invoice["version"]) == ("draft", None, 1)
    assert (invoice["total_minor"], invoice["paid_minor"]) == (1000, 0)
    assert invoice["lines"][0]["amount_minor"] == 1000
    assert client.get(created.header("location")).json() == invoice

    finalized = client.finalize(invoice["id"], WAIT)
    assert finalized.status == 200
    assert (finalized.json()["status"], finalized.json()["number"]) == ("open", 1)

    paid = client.pay(invoice["id"], 400, WAIT)
    assert (paid.status, paid.json()["amount_minor"]) == (201, 400)
    assert client.invoice(invoice["id"]).json()["paid_minor"] == 400

    too_much = client.pay(invoice["id"], 601, WAIT)
    assert (too_much.status, too_much.problem) == (409, "overpaid")
    assert client.pay(invoice["id"], 600, WAIT).status == 201
    assert client.invoice(invoice["id"]).json()["status"] == "paid"
    assert client.finalize(invoice["id"], WAIT).problem == "invoice-not-draft"
    missing = client.finalize(str(uuid.uuid4()), WAIT)
    assert (missing.status, missing.problem) == (404, "invoice-not-found")
    system.verify()


def test_given_a_longer_wait_than_30_s_then_it_is_cut_and_says_so(system):
    client = system.client()
    assert (
        client.create_invoice(headers={"Prefer": "wait=600"}).header("preference-applied")
        == "wait=30"
    )


def test_given_a_rejection_then_the_receipt_tells_the_problem(system):
    client = system.client()
    reply = client.finalize(str(uuid.uuid4()))
    assert reply.status == 202
    receipt = client.receipt(reply)
    assert receipt["status"] == "rejected"
    assert receipt["problem"]["type"] == "/problems/invoice-not-found"
    assert receipt["problem"]["status"] == 404


def test_given_no_position_and_no_such_command_then_404_that_nobody_stores(system):
    client = system.client()
    reply = client.get(f"{client.base()}/commands/{uuid.uuid4()}")
    assert (reply.status, reply.problem) == (404, "not-found")
    assert "no-store" in reply.header("cache-control")


def test_given_a_position_that_lies_ahead_then_the_receipt_is_believed(system):
    client = system.client()
    reply = client.get(f"{client.base()}/commands/{uuid.uuid4()}?at=billing-0-99999999")
    assert reply.status == 200
    assert reply.json()["status"] == "accepted"
    assert reply.header("retry-after")
    assert "type" not in reply.json()


def test_given_a_position_that_was_passed_without_this_command_then_410(system):
    client = system.client()
    receipt = client.receipt(client.create_invoice())
    reply = client.get(f"{client.base()}/commands/{uuid.uuid4()}?at={receipt['at']}")
    assert (reply.status, reply.problem) == (410, "gone")


def test_given_a_position_that_is_none_then_400(system):
    client = system.client()
    for at in ("billing-0", "billing--1-0", "billing-0-01", "nothing-0-0", "billing-999-0", ""):
        reply = client.get(f"{client.base()}/commands/{uuid.uuid4()}?at={at}")
        assert reply.status in (400, 404), at


def test_given_the_worker_is_away_then_accepted_until_it_returns(system):
    client = system.client()
    client.create_invoice(headers=WAIT)
    system.worker.stop()
    reply = client.create_invoice(headers={"Prefer": "wait=1"})
    assert (reply.status, reply.json()["status"]) == (202, "accepted")
    again = client.get(reply.header("location"))
    assert again.json()["status"] == "accepted"
    assert again.header("retry-after")
    item = client.get(f"{client.base()}/invoices/{reply.json()['id']}?at={reply.json()['at']}")
    assert item.status == 404
    assert item.header("retry-after")
    system.start_worker()
    assert client.receipt(reply)["status"] == "applied"


def test_given_a_list_then_pages_newest_first_and_entity_tags(system):
    client = system.client()
    ids = [client.create_invoice().json()["id"] for _ in range(7)]
    client.create_invoice(headers=WAIT)
    page = client.get(f"{client.base()}/invoices?limit=3")
    assert page.status == 200
    assert len(page.json()["items"]) == 3
    assert 'rel="next"' in page.header("link")
    seen = [item["id"] for item in client.items(f"{client.base()}/invoices")]
    assert set(ids) < set(seen)
    assert len(seen) == 8

    item = client.invoice(ids[0])
    tag = item.header("etag")
    assert client.get(f"{client.base()}/invoices/{ids[0]}", {"If-None-Match": tag}).status == 304
    client.finalize(ids[0], WAIT)
    assert client.get(f"{client.base()}/invoices/{ids[0]}", {"If-None-Match": tag}).status == 200

    drafts = client.get(f"{client.base()}/invoices?status=draft").json()["items"]
    assert ids[0] not in [item["id"] for item in drafts]
    assert client.get(f"{client.base()}/invoices?colour=red").status == 400
    assert client.get(f"{client.base()}/invoices?limit=201").status == 400
    assert client.get(f"{client.base()}/invoices?cursor=nonsense").status == 400


def test_given_the_log_then_events_are_numbered_without_a_gap_in_the_commands_lane(system):
    client = system.client()
    created = client.create_invoice(headers=WAIT).json()
    client.finalize(created["id"], WAIT)
    system.wait_applied()
    by_lane = {}
    for record in system.log.read_all("billing.events"):
        sequence = int(record.header("ce_id"))
        assert record.header("ce_sequence") == f"{sequence:019d}"
        assert record.header("ce_source") == f"/millrace/billing/lanes/{record.lane}"
        by_lane.setdefault(record.lane, set()).add(sequence)
    for lane, sequences in by_lane.items():
        assert sequences == set(range(len(sequences))), f"lane {lane} has a gap"
    assert INVOICE["customer"] == created["customer"]
