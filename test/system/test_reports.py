"""Samples as their senders see them: figures by step, sessions, corrections, and millrace's own."""

import random
import uuid
from datetime import datetime, timedelta, timezone

from harness.client import new_account
from harness.wait import wait_for


def send(client, samples, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    reply = client.post(f"{client.base()}/samples", samples, headers)
    assert reply.status == 200, reply
    return reply.json()


def at(minutes_ago):
    """The middle of a minute that is past."""
    now = datetime.now(timezone.utc).replace(second=30, microsecond=0)
    return now - timedelta(minutes=minutes_ago)


def text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def report(client, metric, step=86400, **parameters):
    now = datetime.now(timezone.utc)
    query = {
        "from": text(now - timedelta(hours=12)),
        "to": text(now + timedelta(hours=1)),
        "step": step,
        **parameters,
    }
    reply = client.get(
        f"{client.base()}/reports/{metric}?" + "&".join(f"{k}={v}" for k, v in query.items())
    )
    assert reply.status == 200, reply
    return [item for item in reply.json()["items"] if item["count"]]


def test_given_timings_then_quantiles_are_within_one_percent(ingest):
    client = ingest.client()
    values = [random.Random(n).lognormvariate(-3, 1) for n in range(4000)]
    send(
        client,
        [
            {"metric": "page.seconds", "kind": "timing", "value": v, "labels": {"page": str(n % 2)}}
            for n, v in enumerate(values)
        ],
    )
    ingest.wait_applied("reporting")
    found = report(client, "page.seconds")
    assert sum(item["count"] for item in found) == 4000
    if len(found) == 1:  # not over midnight
        ordered = sorted(values)
        for name, q in (("p50", 0.50), ("p95", 0.95), ("p99", 0.99)):
            exact = ordered[int(q * (len(ordered) - 1))]
            assert abs(found[0][name] - exact) <= 0.011 * exact, (name, found[0][name], exact)
        assert found[0]["max"] == max(values)
    by_page = report(client, "page.seconds", group="page")
    assert {item["group"] for item in by_page} == {"0", "1"}


def test_given_a_batch_sent_three_times_then_it_counts_once(ingest):
    client = ingest.client()
    key = f"samples-{uuid.uuid4()}"
    samples = [{"metric": "shop.orders", "kind": "counter", "value": 2} for _ in range(700)]
    for _ in range(3):
        assert send(client, samples, key)["accepted"] == 700
    ingest.wait_applied("reporting")
    assert sum(item["sum"] for item in report(client, "shop.orders")) == 1400
    assert ingest.sql(
        "select count(*) from millrace.seen where account_id = %s", client.account
    ) == [(700,)]


def test_given_sessions_then_those_open_and_the_turnover_are_told(ingest):
    client = ingest.client()

    def session(kind, name):
        return {"metric": "shop.sessions", "kind": kind, "value": name}

    send(client, [session("session_in", f"s{n}") for n in range(10)])
    send(client, [session("session_in", "s3"), session("session_out", "unknown")])
    send(client, [session("session_out", f"s{n}") for n in range(4)])
    ingest.wait_applied("reporting")

    def figures():
        found = report(client, "shop.sessions")
        ins, outs = (sum(item[name] for item in found) for name in ("sign_ins", "sign_outs"))
        return ins, outs, found[-1]["last"]

    wait_for(lambda: figures() == (10, 4, 6), "ten sign-ins, four sign-outs, six open", 30, 0.5)


def test_given_a_late_sample_then_its_minute_is_corrected_everywhere(ingest):
    client = ingest.client()
    minute = text(at(90))

    def one(value):
        return [{"metric": "late.orders", "kind": "counter", "value": value, "time": minute}]

    def in_warehouse():
        return ingest.warehouse(
            "select count, sum from samples_minute where account_id = %s", client.account
        )

    send(client, one(5))
    wait_for(lambda: in_warehouse() == [(1, 5.0)], "the closed minute", 45, 0.3)
    send(client, one(7))
    wait_for(lambda: in_warehouse() == [(2, 12.0)], "the corrected minute", 45, 0.3)
    assert [item["sum"] for item in report(client, "late.orders", step=3600)] == [12]
    ingest.verify()


def test_given_the_operators_account_then_programs_report_themselves(ingest):
    account = new_account()
    client = ingest.client(account)
    edge = ingest.start_edge(
        EDGE_PORT=0, OPERATOR_ACCOUNT=account, SAMPLES_MS=300
    )
    loader = ingest.start_loader(OPERATOR_ACCOUNT=account, SAMPLES_MS=300)
    worker = ingest.start_worker("logging", OPERATOR_ACCOUNT=account, SAMPLES_MS=300)
    mine = type(client)(edge.port, client.key, account)
    for _ in range(40):
        assert mine.get(f"{mine.base()}/logs").status == 200
    assert mine.get("/v1/nowhere").status == 404

    def requests():
        return {
            item["group"]: item["sum"]
            for item in report(client, "millrace.edge.requests", group="route")
        }

    route = "/v1/accounts/{account}/logs"
    wait_for(lambda: requests().get(route) == 40, "the edge's requests", 30, 0.3)
    assert report(client, "millrace.edge.response_seconds", group="route")[0]["p99"] > 0

    def running():
        found = report(client, "millrace.heartbeat", group="program", distinct="instance")
        return {item["group"]: item["distinct"] for item in found}

    wait_for(
        lambda: running() == {"millrace-edge": 1, "millrace-loader": 1, "millrace-worker": 1},
        "three instances",
        30,
        0.3,
    )
    for program in (edge, loader, worker):
        program.stop()
