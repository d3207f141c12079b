"""Bodies, routes and media types that are not what they should be: which problem, and where."""

import json

import pytest
from harness.commands import INVOICE


@pytest.fixture(scope="module")
def client(shared_system):
    return shared_system.make_whole().client()


def changed(**members):
    return json.dumps({**INVOICE, **members}).encode()


def line(**members):
    return changed(lines=[{**INVOICE["lines"][0], **members}])


MALFORMED = {
    "empty": b"",
    "blank": b"   ",
    "truncated": b'{"customer": "Ada"',
    "trailing": b"{} {}",
    "not-utf8": b'{"customer": "\xff"}',
    "lone-surrogate": b'{"customer": "\\ud800"}',
    "nul-escape": json.dumps({**INVOICE, "customer": "a\0b"}).encode(),
    "single-quotes": b"{'customer': 1}",
    "twice-the-same-name": b'{"customer": "a", "customer": "b"}',
    "too-deep": b'{"customer": ' + b"[" * 100 + b"]" * 100 + b"}",
}

# A body that breaks its schema, and where.
INVALID = {
    "an-array": (b"[]", "#"),
    "no-customer": (json.dumps({"currency": "EUR", "lines": INVOICE["lines"]}).encode(), "#"),
    "unknown-member": (changed(colour="red"), "#"),
    "customer-not-text": (changed(customer=7), "#/customer"),
    "currency": (changed(currency="euro"), "#/currency"),
    "no-lines": (changed(lines=[]), "#/lines"),
    "too-many-lines": (changed(lines=INVOICE["lines"] * 501), "#/lines"),
    "quantity-zero": (line(quantity=0), "#/lines/0/quantity"),
    "quantity-half": (line(quantity=1.5), "#/lines/0/quantity"),
    "quantity-text": (line(quantity="2"), "#/lines/0/quantity"),
    "amount-negative": (line(unit_amount_minor=-1), "#/lines/0/unit_amount_minor"),
    "due-days": (changed(due_days=366), "#/due_days"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_given_a_body_that_is_no_json_then_400_malformed(client, name):
    reply = client.request(
        "POST", f"{client.base()}/invoices", MALFORMED[name], {"Content-Type": "application/json"}
    )
    assert reply.status == 400, reply
    assert reply.problem == "malformed"
    assert client.create_invoice().status == 202


@pytest.mark.parametrize("name", INVALID)
def test_given_a_body_that_breaks_its_schema_then_422_with_a_pointer(client, name):
    body, pointer = INVALID[name]
    reply = client.request(
        "POST", f"{client.base()}/invoices", body, {"Content-Type": "application/json"}
    )
    assert reply.status == 422, reply
    assert reply.problem == "invalid-body"
    errors = reply.json()["errors"]
    assert any(error["pointer"].startswith(pointer) for error in errors), errors
    assert all(error["detail"] for error in errors)


def test_given_a_body_of_another_type_then_415_names_what_to_send(client):
    reply = client.request(
        "POST",
        f"{client.base()}/invoices",
        b"customer=Ada",
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert reply.status == 415
    assert reply.problem == "unsupported-media-type"
    assert "json" in reply.json()["detail"]


def test_given_a_body_above_the_limit_then_413(client):
    reply = client.create_invoice(customer="a" * 300_000)
    assert reply.status == 413
    assert reply.problem == "too-large"


def test_given_an_unknown_path_then_404(client):
    for path in ("/v1/accounts", f"{client.base()}/nothing", "/problems/nothing", "/v2"):
        reply = client.get(path)
        assert (reply.status, reply.problem) == (404, "not-found"), path


def test_given_a_known_path_and_a_wrong_method_then_405_with_allow(client):
    reply = client.request("DELETE", f"{client.base()}/invoices")
    assert (reply.status, reply.problem) == (405, "method-not-allowed")
    assert {"GET", "HEAD", "POST"} <= {word.strip() for word in reply.header("allow").split(",")}


def test_given_ids_that_are_no_uuids_then_4xx(client):
    assert client.get("/v1/accounts/nobody/invoices").status in (400, 404)
    assert client.get(f"{client.base()}/invoices/17").status in (400, 404)
    assert client.finalize("17").status in (400, 404)


def test_given_a_problem_type_then_it_has_a_page(client):
    for name in ("malformed", "invalid-body", "outcome-unknown", "invoice-not-open", "overpaid"):
        page = client.get(f"/problems/{name}")
        assert page.status == 200, name
        assert name.encode() in page.body
