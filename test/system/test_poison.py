"""Records put straight into the topic, past the edge: each ends as the design says, alone."""

import uuid

import pytest
from harness import commands
from harness.client import WAIT, new_account
from harness.wait import wait_for

TOPIC = "billing.commands"
CREATE = "billing.invoice.create"


def settled(system, lane, offset):
    return wait_for(
        lambda: system.sql(
            "select applied from millrace.lane where domain = 'billing' and lane = %s"
            " and applied > %s",
            lane,
            offset,
        ),
        f"lane {lane} to pass {offset}",
    )


def quarantined(system, lane, offset):
    settled(system, lane, offset)
    rows = system.sql(
        "select cause, record from millrace.quarantine where domain = 'billing'"
        " and lane = %s and position = %s",
        lane,
        offset,
    )
    assert len(rows) == 1, f"{lane}-{offset} is not in quarantine"
    return rows[0]


def lane_of(system, account):
    """The lane that murmur2 of this client's own making picks for an account."""
    return system.log.produce(TOPIC, b"null", str(account).encode(), [])[0]


def neighbour_flows(system, lane):
    """A new account of the same lane is served behind the poison."""
    while True:
        client = system.operator(new_account())
        reply = client.create_invoice(headers=WAIT)
        assert reply.status == 201, reply
        at = system.sql("select lane from millrace.command where id = %s", reply.json()["id"])
        if at[0][0] == lane:
            return


def put(system, account, headers, value=None, lane=None, key=None):
    value = commands.body(commands.INVOICE) if value is None else value
    return system.log.produce(TOPIC, value, (key or str(account)).encode(), headers, lane)


def test_given_a_command_in_the_wrong_lane_then_it_is_quarantined_as_misrouted(system):
    account = new_account()
    right = lane_of(system, account)
    wrong = (right + 1) % system.log.lanes(TOPIC)
    lane, offset = put(system, account, commands.headers(account, CREATE), lane=wrong)
    assert lane == wrong
    cause, _ = quarantined(system, lane, offset)
    assert "misrouted" in cause
    neighbour_flows(system, lane)


# Header changes that make a record no command at all.
UNREADABLE = {
    "no-id": {"ce_id": None},
    "no-type": {"ce_type": None},
    "no-account": {"ce_account": None},
    "no-principal": {"ce_principal": None},
    "no-time": {"ce_time": None},
    "no-source": {"ce_source": None},
    "id-no-uuid": {"ce_id": "seven"},
    "account-no-uuid": {"ce_account": "nobody"},
    "time-no-time": {"ce_time": "yesterday"},
    "source-of-another-account": {"ce_source": f"/millrace/billing/accounts/{uuid.uuid4()}"},
    "source-of-another-domain": {"ce_source": "/millrace/logging/accounts/x"},
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_given_headers_that_cannot_be_read_then_quarantine(system, name):
    account = new_account()
    lane, offset = put(system, account, commands.headers(account, CREATE, **UNREADABLE[name]))
    _, record = quarantined(system, lane, offset)
    assert b"Flour" in bytes(record), "the whole record is kept"


def test_given_no_headers_and_no_value_then_quarantine_and_neighbours_flow(system):
    account = new_account()
    no_headers = put(system, account, [])
    no_value = system.log.produce(
        TOPIC, None, str(account).encode(), commands.headers(account, CREATE)
    )
    no_key = system.log.produce(TOPIC, b"{}", None, commands.headers(account, CREATE), lane=0)
    binary = put(system, account, [("ce_id", b"\xff\xfe"), ("ce_type", b"\0")], b"\0\1\2")
    for lane, offset in (no_headers, no_value, no_key, binary):
        quarantined(system, lane, offset)
    neighbour_flows(system, no_headers[0])
    system.verify()


BROKEN = {
    "no-json": b"{",
    "empty": b"",
    "an-array": b"[]",
    "wrong-member": b'{"customer": 1}',
    "deep": b"[" * 5000,
    "not-utf8": b'{"customer": "\xff"}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_given_a_body_that_breaks_its_schema_in_the_log_then_it_is_rejected(system, name):
    account, command = new_account(), str(uuid.uuid4())
    lane, offset = put(system, account, commands.headers(account, CREATE, command), BROKEN[name])
    settled(system, lane, offset)
    receipt = system.operator(account).receipt(
        f"/v1/accounts/{account}/commands/{command}?at=billing-{lane}-{offset}"
    )
    assert receipt["status"] == "rejected", receipt
    assert receipt["problem"]["type"].endswith(("/invalid-body", "/malformed"))
    assert system.operator(account).create_invoice(headers=WAIT).status == 201
