"""millrace-produce: every item of an import is in the log once, whatever ends or stops it."""

import json
import os
import signal
import subprocess
import uuid

import pytest
from harness.client import new_account
from harness.wait import wait_for

NAMESPACE = uuid.UUID("1a87e19b-12b9-5492-8ce7-16a7330031bb")
LINE = '10.0.{}.{} - - [20/May/2015:{:02}:{:02}:{:02} +0000] "GET /item/{} HTTP/1.1" {} {} "-" "curl/7.88"\n'


@pytest.fixture
def servers(shared_system):
    """The servers alone: what is told here lies in the log."""
    shared_system.kafka.thaw()
    if not shared_system.kafka.is_alive():
        shared_system.kafka.start()
    shared_system.since = {
        domain: shared_system.log.end_offsets(f"{domain}.commands") for domain in ("logging", "billing")
    }
    yield shared_system
    shared_system.kafka.thaw()


def access_log(path, count, first=0):
    with open(path, "a") as log:
        for n in range(first, first + count):
            second = n % 86400
            log.write(
                LINE.format(
                    n % 200,
                    n % 250,
                    second // 3600,
                    second // 60 % 60,
                    second % 60,
                    n,
                    404 if n % 7 == 0 else 200,
                    n,
                )
            )
    return path


def records_of(system, account, domain="logging"):
    return [
        record
        for record in system.log.read_all(f"{domain}.commands", system.since[domain])
        if record.header("ce_account") == str(account)
    ]


def ids_of(records):
    return {record.header("ce_id") for record in records}


def paths_of(records):
    return sorted(
        int(json.loads(record.value)["attributes"]["url.path"].rsplit("/", 1)[1])
        for record in records
    )


class Import:
    """A millrace-produce that runs beside the test."""

    def __init__(self, system, *arguments, account=None, stdin=subprocess.DEVNULL, **settings):
        argv, env = system.produce_command(*arguments, account=account, **settings)
        self.child = subprocess.Popen(
            argv, env=env, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def must_run(self):
        if self.child.poll() is not None:
            out, err = self.child.communicate()
            raise AssertionError(f"it ended with {self.child.returncode}: {out}\n{err}")
        return True

    def end(self, number=None, deadline_s=60):
        """(exit status, summary or None, log entries)"""
        if number:
            self.child.send_signal(number)
        out, err = self.child.communicate(timeout=deadline_s)
        summary = json.loads(out) if out.strip() else None
        return self.child.returncode, summary, [json.loads(line) for line in err.splitlines()]


def run(system, *arguments, **more):
    return Import(system, *arguments, stdin=more.pop("stdin", subprocess.DEVNULL), **more).end()


def offset_in(state):
    return json.loads(state.read_text())["sources"][-1]["offset"]


def test_given_an_import_killed_half_way_then_the_next_run_completes_it(servers, tmp_path):
    account, count = new_account(), 60_000
    log = access_log(tmp_path / "access.log", count)
    state = tmp_path / "state.json"
    arguments = ["--format=combined", f"--state-file={state}", "--service=shop", log]
    first = Import(servers, *arguments, account=account, IN_FLIGHT_MAX=64)
    wait_for(lambda: first.must_run() and offset_in(state) > 0, "the first note of the state")
    first.child.kill()
    first.child.communicate()
    settled = offset_in(state)
    assert 0 < settled < log.stat().st_size, "killed in the middle"

    status, summary, _ = run(servers, *arguments, account=account)
    assert status == 0
    assert 0 < summary["stored"] < count, "it went on where the first had come to"
    records = records_of(servers, account)
    assert len(ids_of(records)) == count
    assert len(records) - count < 20_000, "at most what was stored since the last note came again"
    assert offset_in(state) == log.stat().st_size
    once = {record.header("ce_id"): record for record in records}.values()
    assert paths_of(once) == list(range(count))
    body = json.loads(records[0].value)
    assert body["service"] == "shop"
    assert records[0].key == records[0].header("ce_id").encode()

    state.unlink()
    status, summary, _ = run(servers, *arguments, account=account)
    assert (status, summary["stored"]) == (0, count)
    assert len(ids_of(records_of(servers, account))) == count, "the ids are those of the first run"

    status, summary, _ = run(servers, *arguments, account=account)
    assert (status, summary["read"], summary["stored"]) == (0, 0, 0), "and there is nothing left"


def test_given_sigterm_then_status_3_and_the_next_run_completes_it(servers, tmp_path):
    account, count = new_account(), 40_000
    log = access_log(tmp_path / "access.log", count)
    arguments = ["--format=combined", f"--state-file={tmp_path / 'state'}", log]
    first = Import(servers, *arguments, account=account, IN_FLIGHT_MAX=64)
    wait_for(
        lambda: first.must_run() and len(servers.log.end_offsets("logging.commands")) > 0
        and (tmp_path / "state").exists(),
        "the import to be under way",
    )
    status, summary, _ = first.end(signal.SIGTERM)
    assert status == 3
    assert summary["not_stored"] == 0
    status, rest, _ = run(servers, *arguments, account=account)
    assert status == 0
    assert summary["stored"] + rest["stored"] == count, "nothing was sent twice"
    assert len(records_of(servers, account)) == count


def test_given_kafka_frozen_then_it_waits_and_loses_nothing(servers, tmp_path):
    account, count = new_account(), 30_000
    log = access_log(tmp_path / "access.log", count)
    running = Import(servers, "--format=combined", log, account=account, IN_FLIGHT_MAX=256)
    wait_for(lambda: running.must_run() and records_of(servers, account), "the first records")
    servers.kafka.freeze()
    try:
        entry = '"waiting_ms":'
        waited = b""
        while entry.encode() not in waited or b'"waiting_ms":0' in waited:
            waited = running.child.stderr.readline()
            assert waited, "it does not end while the log is away"
    finally:
        servers.kafka.thaw()
    status, summary, _ = running.end()
    assert (status, summary["stored"], summary["not_stored"]) == (0, count, 0)
    assert len(ids_of(records_of(servers, account))) == count


def test_given_commands_then_the_ids_are_the_edges_and_bad_items_are_told(servers, tmp_path):
    account, other = str(new_account()), str(new_account())
    invoice = '{ "customer": "Zoë 🧾", "currency": "EUR", "lines": [ {"description":"a","quantity":1,"unit_amount_minor":5} ] }'
    subject = str(uuid.uuid4())
    items = [
        f'{{"type":"billing.invoice.create","idempotency_key":"order-1","data":{invoice}}}',
        f'{{"type":"billing.invoice.create","account":"{other}","data":{invoice}}}',
        f'{{"type":"billing.invoice.finalize","subject":"{subject}","data":{{}}}}',
        '{"type":"billing.invoice.create","data":{"customer":"x"}}',
        '{"type":"billing.nothing","data":{}}',
        '{"type":"billing.invoice.finalize","data":{}}',
        "not json",
    ]
    file = tmp_path / "items.ndjson"
    file.write_text("\n".join(items) + "\n")
    status, summary, log = run(servers, "--idempotency-key=import-1", file, account=account)
    assert status == 1
    assert (summary["stored"], summary["rejected"]) == (3, 4)
    told = [entry["at"] for entry in log if entry["msg"] == "rejected"]
    assert told == [f"{file}:{line}:1" for line in (4, 5, 6, 7)]

    mine = records_of(servers, account, "billing")
    assert [record.header("ce_type") for record in mine] == [
        "billing.invoice.create",
        "billing.invoice.finalize",
    ]
    assert mine[0].value.decode() == invoice, "byte for byte"
    assert mine[0].header("ce_id") == str(uuid.uuid5(NAMESPACE, f"{account}\nbilling\norder-1"))
    assert mine[0].key == account.encode()
    assert mine[1].header("ce_subject") == subject
    offset = len(("\n".join(items[:2]) + "\n").encode())
    assert mine[1].header("ce_id") == str(
        uuid.uuid5(NAMESPACE, f"{account}\nbilling\nimport-1\n{offset}")
    )
    assert len(records_of(servers, other, "billing")) == 1


def test_given_bare_bodies_on_standard_input_then_a_key_makes_them_repeatable(servers):
    account = new_account()
    lines = b'{"body":"one"}\n{"body":"card 4111 1111 1111 1111"}\n{"bodi":"no"}\n'
    arguments = ["--type=logging.line", "--idempotency-key=in-1"]
    for _ in range(2):
        done = servers.produce(*arguments, account=account, input_bytes=lines)
        assert done.returncode == 1
        assert json.loads(done.stdout)["stored"] == 2
    records = records_of(servers, account)
    assert (len(records), len(ids_of(records))) == (4, 2)
    assert {json.loads(record.value)["body"] for record in records} == {"one", "card [redacted]"}

    done = servers.produce("--type=logging.line", account=account, input_bytes=lines)
    assert b"--idempotency-key" in done.stderr, "it says that this cannot be repeated"
    assert len(ids_of(records_of(servers, account))) == 4


@pytest.mark.parametrize("case", ["short", "missing", "type", "account", "lanes", "state", "keys"])
def test_given_what_cannot_be_then_it_says_so_and_sends_nothing(servers, tmp_path, case):
    short = tmp_path / "short.log"
    access_log(short, 3)
    bad_state = tmp_path / "bad.json"
    bad_state.write_text("[]")
    combined = "--format=combined"
    arguments, account, settings, status, words = {
        "short": ([combined, short], new_account(), {}, 2, "--idempotency-key"),
        "missing": ([combined, tmp_path / "none"], new_account(), {}, 2, "No such file"),
        "type": (["--type=no.such", short], new_account(), {}, 2, "no.such"),
        "account": ([combined, short], None, {}, 2, "ACCOUNT"),
        "lanes": ([combined, "--idempotency-key=k", short], new_account(), {"LANES": 99}, 3, "99"),
        "state": ([combined, f"--state-file={bad_state}", short], new_account(), {}, 2, "bad.json"),
        "keys": ([combined, "--idempotency-key=k", short, short], new_account(), {}, 2, "one file"),
    }[case]
    done = servers.produce(*arguments, account=account, **settings)
    assert done.returncode == status, done.stderr
    assert words in done.stderr.decode()
    assert account is None or not records_of(servers, account)


def stored_paths(servers, account):
    return paths_of(records_of(servers, account))


def test_given_a_followed_log_then_rotation_and_truncation_lose_and_double_nothing(
    servers, tmp_path
):
    account = new_account()
    log, state = access_log(tmp_path / "access.log", 500), tmp_path / "state"
    follow = ["--follow", "--format=combined", f"--state-file={state}", log]
    running = Import(servers, *follow, account=account)

    def until(count):
        wait_for(
            lambda: running.must_run() and stored_paths(servers, account) == list(range(count)),
            f"{count} lines to be stored",
            30,
            0.2,
        )

    until(500)
    access_log(log, 100, 500)
    until(600)
    writer = open(log, "a")  # as a server that has not been told yet
    os.rename(log, tmp_path / "access.log.1")
    writer.write("".join(access_log(tmp_path / "late", 50, 600).open()))
    writer.flush()
    access_log(log, 300, 650)  # create: the next file under the name
    until(950)
    writer.close()

    os.truncate(log, 0)  # copytruncate
    wait_for(
        lambda: any(b"cut short" in line for line in iter(running.child.stderr.readline, b"")),
        "the truncation to be seen",
    )
    access_log(log, 200, 950)
    until(1150)
    status, summary, _ = running.end(signal.SIGTERM)
    assert (status, summary["stored"]) == (0, 1150)

    # while nobody follows: more lines, a rotation, and a new file
    access_log(log, 10, 1150)
    os.rename(log, tmp_path / "access.log.2")
    access_log(log, 100, 1160)
    running = Import(servers, *follow, account=account)
    until(1260)
    assert running.end(signal.SIGTERM)[0] == 0
