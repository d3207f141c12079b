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


def saturate(system, load, clock, seconds):
    """Commands a second that are applied while edge, Kafka, worker and Postgres are all flooded."""
    before = clock.value()
    result = load.run(CROWD, seconds)
    applied = clock.value() - before
    system.wait_applied(300)
    return applied / result.seconds, result.rate


def measure(system, load, seconds, pause_ms):
    span = Span(
        edge=system.edge.pid,
        worker=system.worker.pid,
        broker=system.kafka.pid,
        postgres=system.postgres.pid,
    )
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


def table_of(args, rounds, saturated):
    applied_rate, accepted_rate = saturated
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
        f"Half is half of {number(applied_rate)} commands/s, which one worker applied while"
        f" {CROWD} unbridled connections had {number(accepted_rate)} commands/s accepted."
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
        say("warming")
        saturate(system, load, clock, 3)
        say("flooding")
        saturated = saturate(system, load, clock, seconds)
        clock.close()
        pause_ms = max(1, round(CROWD * 1000 / (saturated[0] / 2)))
        for index in range(args.rounds):
            say(f"round {index + 1}: idle")
            rounds["idle"].append(measure(system, load, seconds, None))
            say(f"round {index + 1}: half load")
            rounds["half"].append(measure(system, load, seconds, pause_ms))
    table_of(args, rounds, saturated).print_and_keep(args.out, "e2e")


if __name__ == "__main__":
    main()
