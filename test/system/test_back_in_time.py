"""A database restored to an earlier state: the lane stops, says so, and is mended by hand."""

import subprocess

from harness.client import WAIT, new_account
from harness.wait import wait_for


def start_programs(system):
    system.start_loader()
    system.start_worker()
    system.start_edge()


def stopped_lanes(system):
    return [
        row[0]
        for row in system.sql(
            "select s.lane from millrace.lane_stop s join millrace.lane l using (domain, lane)"
            " where s.fence = l.fence order by 1"
        )
    ]


def test_given_a_restored_database_then_its_lanes_stop_until_set_position_mends_them(
    own_system, tmp_path
):
    system = own_system
    start_programs(system)
    client = system.operator(new_account())
    before = client.create_invoice(headers=WAIT).json()
    system.verify()

    # The copy is taken, and life goes on: an event is published that the copy knows nothing of.
    system.postgres.stop()
    system.postgres.copy_to(tmp_path / "copy")
    system.postgres.start()
    after = wait_for(lambda: created(client), "the system to apply again", 30)
    lane = int(system.sql("select lane from millrace.command where id = %s", after["id"])[0][0])
    system.verify()

    # The warehouse is in the same cluster here: keep it as it is, as a restore of Postgres would.
    warehouse = dump(system, "warehouse")
    system.postgres.stop()
    system.postgres.restore_from(tmp_path / "copy")
    system.postgres.start()
    restore(system, "warehouse", warehouse)

    wait_for(lambda: stopped_lanes(system) == [lane], "the lane to stop", 40)
    assert system.worker.readiness()[0], "a stopped lane is detail: no orchestrator kills it"
    wait_for(lambda: system.worker.metric("millrace_lane_stopped") == 1, "its metric to say so", 2)
    assert "stopped" in system.must_ctl("lag")
    waiting = client.create_invoice(headers={"Prefer": "wait=1"})
    assert (waiting.status, waiting.json()["status"]) == (202, "accepted")

    # What set-position is told must fit what the log holds, or it refuses and says what would.
    applied = system.sql(
        "select applied from millrace.lane where domain = 'billing' and lane = %s", lane
    )[0][0]
    highest = max(
        int(record.header("ce_id"))
        for record in system.log.read_all("billing.events")
        if record.lane == lane
    )
    command = ["lanes", "set-position", "billing", lane, f"--applied={applied}"]
    refused = system.ctl(*command, f"--next-event={highest + 5}", "--reason=a slip")
    assert refused.returncode != 0
    assert str(highest + 1) in refused.stdout + refused.stderr
    system.must_ctl(*command, f"--next-event={highest + 1}", "--reason=restored from a copy")

    wait_for(lambda: stopped_lanes(system) == [], "the lane to go on", 30)
    assert client.receipt(waiting)["status"] == "applied"
    assert {item["id"] for item in client.items(f"{client.base()}/invoices")} == {
        before["id"],
        after["id"],
        waiting.json()["id"],
    }
    assert (
        system.sql("select count(*) from millrace.audit where action like '%%set-position%%'")[0][0]
        >= 1
    )
    system.verify()


def created(client):
    reply = client.create_invoice(headers={"Idempotency-Key": "after", **WAIT})
    return reply.json() if reply.status == 201 else None


def dump(system, database):
    return subprocess.run(
        [system.postgres.bin / "pg_dump", "-Fc", "-d", system.postgres.dsn(database)],
        check=True,
        capture_output=True,
        timeout=60,
    ).stdout


def restore(system, database, data):
    system.postgres.query("postgres", f'drop database "{database}" with (force)')
    system.postgres.create_databases(database)
    subprocess.run(
        [system.postgres.bin / "pg_restore", "-d", system.postgres.dsn(database)],
        input=data,
        check=True,
        capture_output=True,
        timeout=60,
    )
