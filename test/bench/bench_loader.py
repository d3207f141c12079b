"""The loader on a full topic: events and rows a second into a Postgres warehouse, CPU of a row.

It has its lanes and stands still (SIGSTOP) while a worker makes the events, so that only the work
is measured: from its waking to the last event in the ledger.
"""

from dataclasses import dataclass

from bench.measure import Span, disturbance, machine, median
from bench.rig import ACCOUNTS, Clock, arguments, rig, say
from bench.table import Table, number
from harness.system import LANES
from harness.wait import wait_for

TABLES = ("invoice_events", "payment_events", "journal_entries")
SESSION_MS = 300000  # it must not lose its lanes while it stands still
FLUSH_MS = 200


@dataclass
class Round:
    events_rate: float
    rows_rate: float
    loader_us: float
    postgres_us: float
    broker_us: float
    flush_rows: float
    span: Span


def count_rows(system):
    return sum(system.warehouse(f"select count(*) from public.{name}")[0][0] for name in TABLES)


def counters(loader):
    flushes = loader.metric("millrace_load_flushes_total")
    bad = loader.metric('millrace_load_records_total{topic="billing.events",outcome="bad"}')
    return flushes, bad


def measure(system, waves):
    loader = system.loader
    clock = Clock(system.postgres, "warehouse", "select sum(next_offset) from public.load_ledger")
    rows_before, (flushes_before, _) = count_rows(system), counters(loader)
    loader.freeze()
    system.fill(waves)
    system.wait_applied(120)
    wait_for(lambda: published(system), "the events to be published", 30)
    events_before, end = clock.value(), system.topic_size("billing.events")
    span = Span(loader=loader.pid, postgres=system.postgres.pid, broker=system.kafka.pid)
    loader.thaw()
    seen = clock.until(end, 120)
    span.end()
    clock.close()
    events, rows = end - events_before, count_rows(system) - rows_before
    flushes, bad = counters(loader)
    assert bad == 0, f"{bad} events went to bad_rows"
    seconds = seen[-1][0] - seen[0][0]
    return Round(
        events / seconds,
        rows / seconds,
        span.cpu_s["loader"] * 1e6 / rows,
        span.cpu_s["postgres"] * 1e6 / rows,
        span.cpu_s["broker"] * 1e6 / rows,
        rows / max(1, flushes - flushes_before),
        span,
    )


def published(system):
    return system.sql("select sum(next_event - published) from millrace.lane")[0][0] == 0


def table_of(args, rounds, waves):
    table = Table(
        "Loader: billing's events from a full topic into a Postgres warehouse, each once",
        "loader",
        "events/s",
        "rows/s",
        "CPU us a row",
        "Postgres us a row",
        "broker us a row",
        "rows a flush",
    )

    def middle(name, digits=0):
        return number(median([getattr(one, name) for one in rounds]), digits)

    table.row(
        "one",
        middle("events_rate"),
        middle("rows_rate"),
        middle("loader_us", 1),
        middle("postgres_us", 1),
        middle("broker_us", 1),
        middle("flush_rows"),
    )
    table.note(
        f"Medians of {args.rounds} rounds of {3 * ACCOUNTS * waves:,} events into"
        f" {len(TABLES)} tables; the time ends with the last commit, up to {FLUSH_MS} ms"
        " (MILLRACE_FLUSH_MS) of waiting for more among it."
    )
    table.note(
        "CPU us: user and system time for each row of the warehouse, of the loader and of Postgres"
        " with all its processes (fsync and synchronous_commit on)."
    )
    table.note(f"Loader, an idle worker, Postgres and Kafka share {machine()}.")
    table.note(disturbance([one.span for one in rounds]))
    return table


def main():
    args = arguments(__doc__)
    waves = 20 if args.quick else 60
    with rig(args, {"SESSION_TIMEOUT_MS": SESSION_MS, "FLUSH_MS": FLUSH_MS}) as system:
        system.start_worker()
        loader = system.start_loader()
        wait_for(
            lambda: loader.metric("millrace_load_lane_owned") == LANES,
            "the loader to own its lanes",
            30,
            0.1,
        )
        say("warming")
        measure(system, 20)
        rounds = []
        for index in range(args.rounds):
            say(f"round {index + 1}")
            rounds.append(measure(system, waves))
    table_of(args, rounds, waves).print_and_keep(args.out, "loader")


if __name__ == "__main__":
    main()
