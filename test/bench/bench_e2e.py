"""From the request to its effect: what a client waits for, idle and at half of the machine's best.

202 is the time to the answer of a plain POST; 201 that of one with `Prefer: wait=10`, which comes
when the command's transaction has committed and its effect was read: accept to applied, as a client
sees it. At half load further connections post without Prefer, at half the rate at which the worker
applied commands while the edge was flooded.
"""

from dataclasses import dataclass

from bench.load import Load
from bench.measure import Span, disturbance, machine, median
from bench.rig import ACCOUNTS, Clock, arguments, rig, say
from bench.table import Table, number
from harness.system import LANES

CROWD = 64  # connections of the load
PROBE = 4  # connections that wait for the effect
PROBE_PAUSE_MS = 40


@dataclass
class Round:
    accept_p50: float
    accept_p99: float
    apply_p50: float
    apply_p99: float
    applied: int
    late: int
    rate: float  # of the load
    span: Span


@dataclass
class Flood:
    applied_rate: float
    accepted_rate: float
    batch: float  # commands of a transaction
    cpu_us: dict  # program to CPU of a command


def watch(system):
    return Span(
        edge=system.edge.pid,
        Kafka=system.kafka.pid,
        worker=system.worker.pid,
        Postgres=system.postgres.pid,
    )


def saturate(system, load, clock, seconds):
    """What is done while edge, Kafka, worker and Postgres are all flooded."""
    batches, before = system.worker.metric("millrace_batches_total"), clock.value()
    span = watch(system)
    result = load.run(CROWD, seconds)
    span.end()
    applied = clock.value() - before
    batches = system.worker.metric("millrace_batches_total") - batches
    system.wait_applied(300)
    cpu_us = {name: spent * 1e6 / max(1, applied) for name, spent in span.cpu_s.items()}
    return Flood(applied / result.seconds, result.rate, applied / max(1, batches), cpu_us)


def measure(system, load, seconds, pause_ms):
    span = watch(system)
    if pause_ms is None:  # idle: nobody else is there
        accept = load.run(1, seconds, pause_ms=PROBE_PAUSE_MS)
        apply = load.run(1, seconds, prefer="wait=10", pause_ms=PROBE_PAUSE_MS)
        rate = 0.0
    else:
        crowd = load.begin(CROWD, seconds + 1, pause_ms=pause_ms)
        apply = load.run(PROBE, seconds, prefer="wait=10", pause_ms=PROBE_PAUSE_MS)
        accept = load.finish(crowd)
        rate = accept.rate
    span.end()
    assert accept.refused + apply.refused == 0, (accept, apply)
    system.wait_applied(60)
    return Round(
        accept.p50_ms,
        accept.p99_ms,
        apply.p50_ms,
        apply.p99_ms,
        apply.created,
        apply.others,
        rate,
        span,
    )


def table_of(args, rounds, flood):
    table = Table(
        "End to end: from the request to 202 (in the log) and to 201 (applied, and read back)",
        "load",
        "commands/s",
        "202 p50 ms",
        "202 p99 ms",
        "201 p50 ms",
        "201 p99 ms",
        "samples",
        "not in 10 s",
    )
    for name, found in rounds.items():

        def middle(field, digits=1, of=found):
            return number(median([getattr(one, field) for one in of]), digits)

        table.row(
            name,
            middle("rate", 0),
            middle("accept_p50"),
            middle("accept_p99"),
            middle("apply_p50"),
            middle("apply_p99"),
            sum(one.applied for one in found),
            sum(one.late for one in found),
        )
    table.note(
        f"Medians of {args.rounds} rounds run in turn; invoices are created for {ACCOUNTS} accounts"
        f" in {LANES} lanes; samples: answers of 201 in all rounds."
    )
    table.note(
        f"Half is half of {number(flood.applied_rate)} commands/s, which one worker applied while"
        f" {CROWD} unbridled connections had {number(flood.accepted_rate)} commands/s accepted."
        f" CPU us of a command then: "
        + ", ".join(f"{name} {number(us)}" for name, us in flood.cpu_us.items())
        + f"; {number(flood.batch)} commands a transaction."
    )
    table.note(f"wrk, edge, Kafka, one worker and Postgres share {machine()}.")
    table.note(disturbance([one.span for found in rounds.values() for one in found]))
    return table


def main():
    args = arguments(__doc__)
    seconds = 2 if args.quick else 5
    rounds = {"idle": [], "half": []}
    with rig(args, {"KEY_CACHE_MS": 600000}) as system:
        edge = system.start_edge()
        system.start_worker()
        load = Load(system.folder, edge.port, system.load_paths(), system.operator_key)
        clock = Clock(system.postgres, "millrace", "select sum(applied) from millrace.lane")
        for _ in range(1 if args.quick else 4):  # a cold broker costs several times as much
            say("warming")
            saturate(system, load, clock, seconds)
        say("flooding")
        flood = saturate(system, load, clock, seconds)
        clock.close()
        pause_ms = max(1, round(CROWD * 1000 / (flood.applied_rate / 2)))
        for index in range(args.rounds):
            say(f"round {index + 1}: idle")
            rounds["idle"].append(measure(system, load, seconds, None))
            say(f"round {index + 1}: half load")
            rounds["half"].append(measure(system, load, seconds, pause_ms))
    table_of(args, rounds, flood).print_and_keep(args.out, "e2e")


if __name__ == "__main__":
    main()
