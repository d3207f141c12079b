"""Log lines: the worker beside a bare COPY and Kafka Connect, and POST .../logs beside a bare producer."""

import random
import re
import subprocess
import time
from dataclasses import dataclass
from datetime import date, timedelta

from bench import connect, lines
from bench.measure import Span, disturbance, machine, median, ratio
from bench.rig import Clock, arguments, rig, say
from bench.table import Table, number
from harness.client import Client
from harness.system import LANES

SESSION_MS = 120000
BATCH = 8192
IN_FLIGHT = 64


@dataclass
class Round:
    rate: float
    own_us: float
    postgres_us: float | None
    span: Span

    @property
    def all_us(self):
        return self.own_us + (self.postgres_us or 0)


# --- the worker ---


def empty(system):
    system.sql("truncate logging.log")
    system.sql("checkpoint")


def work(system, count, rows, key):
    """`count` workers on a topic that has got `rows` lines while they stood still."""
    workers = [
        system.start_worker("logging", SESSION_TIMEOUT_MS=SESSION_MS) for _ in range(count)
    ]
    system.await_lanes(workers, LANES)
    clock = Clock(
        system.postgres,
        "millrace",
        "select sum(applied) from millrace.lane where domain = 'logging'",
    )
    before = clock.value()
    for worker in workers:
        worker.freeze()
    lines.fill(system, rows, key)
    span = Span(postgres=system.postgres.pid, **{one.name: one.pid for one in workers})
    for worker in workers:
        worker.thaw()
    seen = clock.until(before + rows, 120)
    span.end()
    clock.close()
    for worker in workers:
        worker.stop()
    return Round(
        rows / (seen[-1][0] - seen[0][0]),
        sum(span.cpu_s[one.name] for one in workers) * 1e6 / rows,
        span.cpu_s["postgres"] * 1e6 / rows,
        span,
    )


def ceiling_table(system):
    """A table like logging.log, with its indexes and today's partition."""
    system.sql("create schema if not exists bench")
    system.sql("drop table if exists bench.log")
    system.sql("create table bench.log (like logging.log including all) partition by range (day)")
    system.sql(
        "create table bench.log_today partition of bench.log"
        " for values from ('2000-01-01') to ('2100-01-01')"
    )


def copy(system, rows):
    """The bare COPY of as many lines, from the beginning of the same topic."""
    ceiling_table(system)
    span = Span(postgres=system.postgres.pid)
    began = time.monotonic()
    done = subprocess.run(
        [
            system.bench_program("millrace-copy-lines"),
            system.kafka.brokers,
            "logging.commands",
            str(rows),
            system.postgres.dsn("millrace"),
            "bench.log",
            str(BATCH),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    wall_s = time.monotonic() - began
    span.end()
    assert done.returncode == 0, done.stderr
    written, own_us = re.match(r"(\d+) rows ([\d.]+) us", done.stdout).groups()
    return Round(
        int(written) / wall_s, float(own_us), span.cpu_s["postgres"] * 1e6 / int(written), span
    )


def bench_worker(args, system):
    rows = 60_000 if args.quick else 300_000
    found = {"worker": [], "copy": []}
    lines.fill(system, rows, "first")
    system.start_worker("logging").stop()
    for index in range(args.rounds):
        say(f"worker and copy, round {index + 1} of {args.rounds}")
        empty(system)
        found["worker"].append(work(system, 1, rows, f"worker-{index}"))
        empty(system)
        found["copy"].append(copy(system, rows))
    table = Table(
        "Logging worker: lines from a full topic into logging.log, beside a bare staged COPY",
        "who",
        "rows/s",
        "CPU us",
        "Postgres us",
        "CPU of both, copy = 1",
    )
    for name, rounds in found.items():
        table.row(
            {"worker": "millrace-worker logging", "copy": "librdkafka + jansson + COPY"}[name],
            number(median([one.rate for one in rounds])),
            number(median([one.own_us for one in rounds]), 1),
            number(median([one.postgres_us for one in rounds]), 1),
            number(
                ratio([one.all_us for one in rounds], [one.all_us for one in found["copy"]]), 2
            ),
        )
    table.note(
        f"Medians of {args.rounds} rounds in turn, {rows:,} lines of 200-byte bodies each, into"
        " the same columns with the same indexes. The bare COPY stages a batch of"
        f" {BATCH:,} and inserts it with ON CONFLICT DO NOTHING."
    )
    table.note(f"All share {machine()}.")
    table.note(disturbance([one.span for rounds in found.values() for one in rounds]))
    table.print_and_keep(args.out, "logging-worker")


# --- Kafka Connect ---


def bench_connect(args, system):
    rows = 60_000 if args.quick else 300_000
    jars, why = connect.jars(args)
    if not jars:
        print(f"Kafka Connect is left out: {why}.")
        return
    found = {"workers": [], "connect": []}
    for name in system.sql(
        "select indexrelid::regclass::text from pg_index"
        " where indrelid = 'logging.log'::regclass and not indisprimary"
    ):
        system.sql(f"drop index {name[0]}")
    connect.fill(system, rows)
    for index in range(args.rounds):
        say(f"two workers and Connect, round {index + 1} of {args.rounds}")
        empty(system)
        found["workers"].append(work(system, 2, rows, f"pair-{index}"))
        empty(system)
        rate, own_us, postgres_us, span = connect.run(jars, system, rows)
        found["connect"].append(Round(rate, own_us, postgres_us, span))
    table = Table(
        "Two logging workers beside Kafka Connect's JDBC sink with 3 tasks, the id's index alone",
        "who",
        "rows/s",
        "CPU us",
        "Postgres us",
        "rows/s, Connect = 1",
        "CPU us, Connect = 1",
    )
    for name, rounds in found.items():
        table.row(
            {"workers": "two millrace-worker logging", "connect": "Kafka Connect"}[name],
            number(median([one.rate for one in rounds])),
            number(median([one.own_us for one in rounds]), 1),
            number(median([one.postgres_us for one in rounds]), 1),
            number(ratio([one.rate for one in rounds], [one.rate for one in found["connect"]]), 2),
            number(
                ratio([one.own_us for one in rounds], [one.own_us for one in found["connect"]]), 2
            ),
        )
    table.note(f"Medians of {args.rounds} rounds in turn, {rows:,} lines each.")
    table.note(
        "Connect's rate counts from its first row on, without the start of its virtual machine;"
        " its CPU is that of the whole process."
    )
    table.note(disturbance([one.span for rounds in found.values() for one in rounds]))
    table.print_and_keep(args.out, "logging-connect")


# --- POST .../logs ---


def post(system, edge, key, path, count):
    body = lines.bodies(system, count)
    span = Span(edge=edge.pid)
    began = time.monotonic()
    done = subprocess.run(
        [
            "curl", "-sS", "-o", "-", "-X", "POST", "-T", str(body),
            "-H", f"Authorization: Bearer {key}",
            "-H", "Content-Type: application/x-ndjson", "-H", "Expect:",
            f"http://127.0.0.1:{system.edge_port}{path}",
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )  # fmt: skip
    wall_s = time.monotonic() - began
    span.end()
    assert f'"accepted":{count}' in done.stdout.replace(" ", ""), done.stdout[:500] + done.stderr
    return Round(count / wall_s, span.cpu_s["edge"] * 1e6 / count, None, span)


def produce(system, count):
    with open(lines.bodies(system, count), "rb") as body:
        span = Span()
        done = subprocess.run(
            [
                system.bench_program("millrace-produce-lines"),
                system.kafka.brokers,
                "logging.commands",
                str(count),
                str(IN_FLIGHT),
                "0",
            ],
            stdin=body,
            capture_output=True,
            text=True,
            timeout=300,
        )
        span.end()
    assert done.returncode == 0, done.stdout + done.stderr
    _, rate, own_us = re.match(r"(\d+) stored (\d+) a second ([\d.]+) us", done.stdout).groups()
    return Round(float(rate), float(own_us), None, span)


def bench_post(args, system):
    count = 50_000 if args.quick else 200_000
    edge = system.start_edge()
    key = system.new_key(lines.ACCOUNT)
    path = f"/v1/accounts/{lines.ACCOUNT}/logs"
    found = {"post": [], "produce": []}
    post(system, edge, key, path, count)
    for index in range(args.rounds):
        say(f"POST and bare producer, round {index + 1} of {args.rounds}")
        found["post"].append(post(system, edge, key, path, count))
        found["produce"].append(produce(system, count))
    edge.stop()
    table = Table(
        "POST .../logs as NDJSON beside a bare producer of the same records",
        "who",
        "lines/s",
        "CPU us a line",
        "lines a CPU second, producer = 1",
    )
    for name, rounds in found.items():
        table.row(
            {"post": "millrace-edge", "produce": f"librdkafka, {IN_FLIGHT} in flight"}[name],
            number(median([one.rate for one in rounds])),
            number(median([one.own_us for one in rounds]), 1),
            number(
                ratio(
                    [1 / one.own_us for one in rounds], [1 / one.own_us for one in found["produce"]]
                ),
                2,
            ),
        )
    table.note(
        f"Medians of {args.rounds} rounds in turn, {count:,} lines in one request on one"
        " connection. Both write the same keys, headers and values."
    )
    table.note(f"All share {machine()}.")
    table.note(disturbance([one.span for rounds in found.values() for one in rounds]))
    table.print_and_keep(args.out, "logging-post")


# --- searches ---

# The order of millrace-log-lines copy.
COLUMNS = (
    "account_id, id, day, received_at, lane, position, time, observed_at, severity, severity_text,"
    " service, host, trace_id, span_id, body, body_is_json, attributes, words_0, words_1, words_2,"
    " words_3"
)
SERVICES = ("edge", "checkout", "cart", "catalog", "search", "billing", "stock", "payments")
DAYS = 10


def load(system, count, last_day):
    """Ten days of lines, straight into logging.log as the worker would have copied them."""
    lines_of = subprocess.Popen(
        [
            system.bench_program("millrace-log-lines"),
            "copy",
            str(count),
            "1",
            str(last_day),
            str(DAYS),
        ],
        stdout=subprocess.PIPE,
    )
    connection = system.postgres.connect("millrace")
    with connection.cursor().copy(f"copy logging.log ({COLUMNS}) from stdin") as copying:
        while piece := lines_of.stdout.read(1 << 20):
            copying.write(piece)
    connection.close()
    assert lines_of.wait(60) == 0
    system.sql("vacuum analyze logging.log")


def questions(rng, last_day):
    """{kind: queries}: an hour by service and severity, and a word of 1 line in 100,000 in a day."""
    found = {"an hour, by service and severity": [], "a rare word in a day": []}
    for _ in range(40):
        day = last_day - timedelta(days=rng.randrange(DAYS))
        hour = rng.randrange(23)
        found["an hour, by service and severity"].append(
            f"from={day}T{hour:02}:00:00Z&to={day}T{hour + 1:02}:00:00Z"
            f"&service={rng.choice(SERVICES)}&severity=error"
        )
        word = "rare" + "".join(rng.choice("abcdefghij") for _ in range(5))
        found["a rare word in a day"].append(
            f"from={day}T00:00:00Z&to={day + timedelta(days=1)}T00:00:00Z&q={word}"
        )
    return found


def bench_search(args, system):
    count = 10_000_000
    last_day = date.today() - timedelta(days=1)
    say(f"loading {count:,} lines")
    empty(system)
    load(system, count, last_day)
    edge = system.start_edge()
    client = Client(system.edge_port, system.new_key(lines.ACCOUNT), lines.ACCOUNT)
    span = Span(edge=edge.pid, postgres=system.postgres.pid)
    table = Table(
        f"Searches over {count:,} lines of one account: the first page of 50",
        "what",
        "p50 ms",
        "p95 ms",
        "found, in the middle",
    )
    for kind, asked in questions(random.Random(7), last_day).items():
        took_ms, rows = [], []
        for timed in (False, True):
            for query in asked:
                say(kind)
                began = time.monotonic()
                reply = client.get(f"{client.base()}/logs?limit=50&{query}")
                assert reply.status == 200, reply
                if timed:
                    took_ms.append((time.monotonic() - began) * 1000)
                    rows.append(len(reply.json()["items"]))
        took_ms.sort()
        table.row(
            kind,
            number(median(took_ms)),
            number(took_ms[int(0.95 * len(took_ms))]),
            number(median(rows)),
        )
    span.end()
    edge.stop()
    table.note(
        "Ten days by append time, 20 services, 200-byte bodies; 40 different questions a row, each"
        " asked once untimed and then timed, over HTTP, one after the other."
    )
    table.note(f"All share {machine()}.")
    table.note(disturbance([span]))
    table.print_and_keep(args.out, "logging-search")


def main():
    args = arguments(__doc__)
    with rig(args) as system:
        bench_post(args, system)
        bench_worker(args, system)
        bench_connect(args, system)
    if not args.quick:
        with rig(args) as system:
            bench_search(args, system)


if __name__ == "__main__":
    main()
