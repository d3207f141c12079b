"""Lines and samples under faults: retries after a 504, kill -9 under load, Kafka away."""

import json
import socket
import threading
import time
import uuid
from datetime import datetime, timedelta, timezone

import pytest
from harness.client import new_account
from harness.logs import export
from harness.wait import wait_for

NDJSON = {"Content-Type": "application/x-ndjson"}


def body_of(items):
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


def post_until_taken(client, route, items, key, deadline_s=60):
    """As an honest client does: the same batch with the same key, until it is answered 200."""
    statuses = []
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        try:
            reply = client.post(
                f"{client.base()}/{route}", body_of(items), {**NDJSON, "Idempotency-Key": key}
            )
            statuses.append(reply.status)
            if reply.status == 200:
                assert reply.json()["accepted"] == len(items), reply
                return statuses
            assert reply.status in (503, 504), reply
        except OSError:
            statuses.append(None)
        time.sleep(0.05)
    raise AssertionError(f"{key} was never taken: {statuses}")


def lines_of(tag, count):
    return [{"body": f"{tag} {n}", "service": "load"} for n in range(count)]


def samples_of(count, value=1):
    return [{"metric": "orders", "kind": "counter", "value": value} for _ in range(count)]


def sum_of(client, metric="orders"):
    day = timedelta(days=1)
    today = datetime.now(timezone.utc)
    window = f"from={today - day:%Y-%m-%d}T00:00:00Z&to={today + day:%Y-%m-%d}T00:00:00Z"
    reply = client.get(f"{client.base()}/reports/{metric}?{window}&step=3600")
    assert reply.status == 200, reply
    return sum(item["sum"] for item in reply.json()["items"])


@pytest.mark.parametrize("route", ["logs", "samples"])
def test_given_the_log_frozen_in_a_batch_then_a_retry_doubles_nothing(ingest, route):
    client = ingest.client()
    key = str(uuid.uuid4())
    count = 20_000
    items = lines_of("frozen", count) if route == "logs" else samples_of(count)
    seen = []
    sender = threading.Thread(
        target=lambda: seen.extend(post_until_taken(client, route, items, key, 90))
    )
    topic = "logging.commands" if route == "logs" else "reporting.commands"
    before = sum(ingest.log.end_offsets(topic).values())
    sender.start()
    wait_for(
        lambda: sum(ingest.log.end_offsets(topic).values()) > before + 500,
        "the batch to be on its way",
        30,
        0.001,
    )
    ingest.kafka.freeze()
    first_answer_late(ingest, frozen_for_s=8)
    ingest.kafka.thaw()
    sender.join(90)
    assert seen and seen[-1] == 200, seen
    ingest.wait_applied("logging" if route == "logs" else "reporting")
    if route == "logs":
        found = [line["body"] for line in export(client)]
        assert len(found) == count and len(set(found)) == count
    else:
        wait_for(lambda: sum_of(client) == count, "the samples' sum", 30)
    ingest.verify()


def first_answer_late(ingest, frozen_for_s):
    """The log stands still for longer than a delivery may take: the batch's fate is in doubt."""
    end = time.monotonic() + frozen_for_s
    wait_for(lambda: time.monotonic() > end, "the delivery timeout", frozen_for_s + 1, 0.1)
    assert ingest.edge.is_alive()


def test_given_workers_and_loader_killed_under_load_then_counts_are_equal(ingest, rng):
    client = ingest.client()
    batches, size = 60, 250
    failures = []

    def send(route, number):
        items = lines_of(f"b{number}", size) if route == "logs" else samples_of(size, 3)
        try:
            post_until_taken(client_of[route], route, items, f"{route}-{number}-{client.account}")
        except Exception as error:
            failures.append(error)

    client_of = {"logs": client, "samples": ingest.client(client.account)}

    def run(route):
        for number in range(batches):
            send(route, number)

    senders = [threading.Thread(target=run, args=(route,)) for route in ("logs", "samples")]
    for sender in senders:
        sender.start()
    kills = 0
    while any(sender.is_alive() for sender in senders) or kills < 4:
        victim, start = rng.choice(
            [
                (ingest.living_workers("logging"), lambda: ingest.start_worker("logging")),
                (ingest.living_workers("reporting"), lambda: ingest.start_worker("reporting")),
                ([ingest.loader], ingest.start_loader),
            ]
        )
        victim[0].kill9()
        kills += 1
        start()
    for sender in senders:
        sender.join(120)
    assert not failures, failures[0]
    ingest.wait_applied("logging")
    ingest.wait_applied("reporting")
    found = [line["body"] for line in export(client)]
    assert len(found) == batches * size == len(set(found))
    wait_for(lambda: sum_of(client) == batches * size * 3, "the samples' sum", 30)
    print(f"{kills} kills")
    ingest.verify(60)


# --- the collector ---


@pytest.fixture
def account():
    return new_account()


@pytest.fixture
def collect(ingest, account):
    program = ingest.start_collect(account)
    yield program
    if program.is_alive():
        program.stop()


def syslog_of(n):
    return f"<13>1 2026-11-25T10:00:00Z host app - - - message {n}".encode()


def test_given_the_collector_killed_then_missing_is_bounded_and_nothing_is_doubled(
    ingest, account, collect, rng
):
    client = ingest.client(account)
    port = collect.port("syslog-tcp")
    sent = 0
    with socket.create_connection(("127.0.0.1", port)) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32768)
        end = time.monotonic() + 1.5
        try:
            while time.monotonic() < end:
                s.sendall(b"".join(syslog_of(sent + i) + b"\n" for i in range(20)))
                sent += 20
                if sent == 20 * rng.randrange(200, 400):
                    break
        finally:
            collect.kill9()
    ingest.wait_applied("logging")
    time.sleep(0.5)
    ingest.wait_applied("logging")
    found = [int(line["body"].split()[1]) for line in export(client)]
    assert len(found) == len(set(found)), "doubled"
    line_bytes = len(syslog_of(100_000)) + 1
    # What the kernel may hold on both sides of the connection, and what may be in flight.
    unread = (2 * 32768 + 6_291_456) // line_bytes
    assert sent - len(found) <= unread + 4096, (sent, len(found))
