"""What may yet succeed waits, with its whole key behind it and nobody else."""

import uuid

from harness import commands
from harness.client import WAIT, new_account
from harness.wait import wait_for

TOPIC = "billing.commands"


def put_unknown(system, account):
    """A command of a type that no worker knows: as a newer edge would write it."""
    command = str(uuid.uuid4())
    headers = commands.headers(account, "billing.invoice.fold", command)
    lane, offset = system.log.produce(TOPIC, b"{}", account.encode(), headers)
    return command, f"/v1/accounts/{account}/commands/{command}?at=billing-{lane}-{offset}"


def has_status(client, where, status):
    return wait_for(lambda: seen(client, where, status), f"{status} of {where}", 20)


def seen(client, where, status):
    receipt = client.receipt(where, wait_s=0)
    assert receipt["status"] == status, receipt
    return receipt


def test_given_an_unknown_type_then_its_key_is_held_others_flow_and_a_drop_frees_it(system):
    client = system.operator(new_account())
    command, where = put_unknown(system, client.account)
    has_status(client, where, "parked")

    behind = [client.create_invoice(headers={"Prefer": "wait=3"}) for _ in range(2)]
    assert [reply.status for reply in behind] == [202, 202]
    assert [reply.json()["status"] for reply in behind] == ["parked", "parked"]
    other = system.operator(new_account())
    assert other.create_invoice(headers=WAIT).status == 201

    line = next(line for line in system.must_ctl("parked", "list").splitlines() if command in line)
    assert {"billing.invoice.fold", "unknown-type", client.account} <= set(line.split())
    assert " 2 " in line, "two wait behind it"

    system.must_ctl("parked", "drop", command, "--reason=no worker knows it")
    dropped = has_status(client, where, "rejected")
    assert dropped["problem"]["type"].endswith("/dropped")
    for reply in behind:
        has_status(client, reply.header("location"), "applied")
    assert client.create_invoice(headers=WAIT).status == 201
    assert command not in system.must_ctl("parked", "list")
    system.verify()


def test_given_a_retry_of_what_still_cannot_be_decided_then_it_stays_parked(system):
    client = system.operator(new_account())
    command, where = put_unknown(system, client.account)
    has_status(client, where, "parked")

    system.must_ctl("parked", "retry", command, "--reason=once more")
    wait_for(
        lambda: system.sql(
            "select 1 from millrace.parked where command_id = %s and attempts = 2", command
        ),
        "the second attempt",
    )
    has_status(client, where, "parked")

    system.must_ctl("parked", "drop", command, "--reason=enough")
    has_status(client, where, "rejected")
    system.verify()


def test_given_the_database_refuses_a_row_then_its_command_is_parked_and_a_retry_applies_it(system):
    client = system.operator(new_account())
    others = [system.operator(new_account()) for _ in range(5)]
    constraint = f"check (account_id <> '{client.account}') not valid"
    system.sql(f"alter table billing.invoice add constraint refused {constraint}")
    try:
        refused = client.create_invoice()
        flowing = [other.create_invoice() for other in others]
        behind = client.create_invoice()
        has_status(client, refused.header("location"), "parked")
        has_status(client, behind.header("location"), "parked")
        for other, reply in zip(others, flowing, strict=True):
            has_status(other, reply.header("location"), "applied")
    finally:
        system.sql("alter table billing.invoice drop constraint refused")

    system.must_ctl("parked", "retry", refused.json()["id"], "--reason=the constraint is gone")
    has_status(client, refused.header("location"), "applied")
    has_status(client, behind.header("location"), "applied")
    newest_first = client.items(f"{client.base()}/invoices")
    assert [item["id"] for item in newest_first] == [behind.json()["id"], refused.json()["id"]]
    system.verify()


def test_given_parked_commands_then_a_new_worker_holds_their_keys(system):
    client = system.operator(new_account())
    command, where = put_unknown(system, client.account)
    has_status(client, where, "parked")

    system.worker.stop()
    system.start_worker()
    reply = client.create_invoice(headers={"Prefer": "wait=3"})
    assert (reply.status, reply.json()["status"]) == (202, "parked")

    system.must_ctl("parked", "drop", command, "--reason=no worker knows it")
    has_status(client, reply.header("location"), "applied")
    system.verify()
