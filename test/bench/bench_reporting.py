"""Samples of 1,000 series into minute rows, by one worker on a full topic."""

import json
from dataclasses import dataclass

from bench.lines import ACCOUNT
from bench.measure import Span, disturbance, machine, median
from bench.rig import Clock, arguments, rig, say
from bench.table import Table, number
from harness.system import LANES

SESSION_MS = 120000
METRICS, LABELS = 50, 20
KINDS = ("counter", "timing")


@dataclass
class Round:
    rate: float
    worker_us: float
    postgres_us: float
    batch: float
    span: Span


def samples(system, count, kind):
    path = system.folder / f"samples-{kind}-{count}.ndjson"
    if not path.exists():
        with open(path, "w", encoding="ascii") as out:
            for n in range(count):
                sample = {
                    "metric": f"bench.metric{n % METRICS}",
                    "kind": kind,
                    "value": 1 if kind == "counter" else 0.001 * (1 + n % 997),
                    "labels": {"route": f"/r/{n // METRICS % LABELS}"},
                }
                out.write(json.dumps(sample, separators=(",", ":")) + "\n")
    return path


def fill(system, count, kind, key):
    done = system.produce(
        "--type=reporting.sample",
        f"--idempotency-key={key}",
        samples(system, count, kind),
        account=ACCOUNT,
        deadline_s=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def measure(system, count, kind, key):
    worker = system.start_worker("reporting", SESSION_TIMEOUT_MS=SESSION_MS)
    system.await_lanes([worker], LANES)
    clock = Clock(
        system.postgres,
        "millrace",
        "select sum(applied) from millrace.lane where domain = 'reporting'",
    )
    before = clock.value()
    worker.freeze()
    fill(system, count, kind, key)
    batches = 0
    span = Span(worker=worker.pid, postgres=system.postgres.pid)
    worker.thaw()
    seen = clock.until(before + count, 240)
    span.end()
    clock.close()
    batches = worker.metric("millrace_batches_total")
    worker.stop()
    return Round(
        count / (seen[-1][0] - seen[0][0]),
        span.cpu_s["worker"] * 1e6 / count,
        span.cpu_s["postgres"] * 1e6 / count,
        count / max(1, batches),
        span,
    )


def main():
    args = arguments(__doc__)
    count = 50_000 if args.quick else 300_000
    with rig(args) as system:
        found = {kind: [] for kind in KINDS}
        for index in range(args.rounds):
            for kind in KINDS:
                say(f"round {index + 1} of {args.rounds}: {kind}")
                found[kind].append(measure(system, count, kind, f"{kind}-{index}"))
        table = Table(
            f"Reporting worker: samples of {METRICS * LABELS:,} series into minute rows",
            "kind",
            "samples/s",
            "worker CPU us",
            "Postgres CPU us",
            "samples a transaction",
        )
        for kind, rounds in found.items():
            table.row(
                kind,
                number(median([one.rate for one in rounds])),
                number(median([one.worker_us for one in rounds]), 1),
                number(median([one.postgres_us for one in rounds]), 1),
                number(median([one.batch for one in rounds])),
            )
        table.note(
            f"Medians of {args.rounds} rounds run in turn, {count:,} samples each, by one worker."
            " Each sample keeps its id and hash, so that a repeat never counts twice."
        )
        table.note(f"Worker, Postgres and Kafka share {machine()}.")
        table.note(disturbance([one.span for rounds in found.values() for one in rounds]))
        table.print_and_keep(args.out, "reporting")


if __name__ == "__main__":
    main()
