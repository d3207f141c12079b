"""Workers on a full topic: commands a second, and CPU of a command in worker and Postgres.

The workers have their lanes and stand still (SIGSTOP) while the topic is filled, so that only the
work is measured: from their waking to the last command applied.
"""

from dataclasses import dataclass

from bench.measure import Span, disturbance, machine, median, ratio
from bench.rig import ACCOUNTS, Clock, arguments, rig, say
from bench.table import Table, number
from harness.system import LANES
from harness.wait import wait_for

POOLS = (1, 2)
# What a pool must not lose while it stands still; nothing else depends on it here.
SESSION_MS = 120000


@dataclass
class Round:
    rate: float
    worker_us: float
    postgres_us: float
    broker_us: float
    batch: float
    batch_limit: float
    span: Span


def events_are_published(system):
    rows = system.sql("select sum(next_event - published) from millrace.lane")
    return rows[0][0] == 0


def measure(system, count, waves):
    workers = [system.start_worker(SESSION_TIMEOUT_MS=SESSION_MS) for _ in range(count)]
    system.await_lanes(workers, LANES)
    clock = Clock(system.postgres, "millrace", "select sum(applied) from millrace.lane")
    before = clock.value()
    for worker in workers:
        worker.freeze()
    commands = system.fill(waves)
    span = Span(
        postgres=system.postgres.pid,
        broker=system.kafka.pid,
        **{worker.name: worker.pid for worker in workers},
    )
    for worker in workers:
        worker.thaw()
    seen = clock.until(before + commands, 60)
    wait_for(lambda: events_are_published(system), "the events to be published", 30)
    span.end()
    clock.close()
    batches = sum(worker.metric("millrace_batches_total") for worker in workers)
    limit = max(worker.metric("millrace_batch_commands_limit") for worker in workers)
    rejected = sum(
        worker.metric(f'millrace_commands_total{{domain="billing",outcome="{outcome}"}}')
        for worker in workers
        for outcome in ("rejected", "repeated", "conflict", "parked", "quarantined")
    )
    assert rejected == 0, f"{rejected} commands were not applied"
    for worker in workers:
        worker.stop()
    return Round(
        commands / (seen[-1][0] - seen[0][0]),
        sum(span.cpu_s[worker.name] for worker in workers) * 1e6 / commands,
        span.cpu_s["postgres"] * 1e6 / commands,
        span.cpu_s["broker"] * 1e6 / commands,
        commands / max(1, batches),
        limit,
        span,
    )


def table_of(args, rounds, waves):
    table = Table(
        "Worker: billing commands from a full topic into Postgres, their events published",
        "workers",
        "commands/s",
        "CPU us",
        "Postgres us",
        "broker us",
        "batch",
        "batch limit",
        "commands/s, one worker = 1",
    )
    for count, found in rounds.items():

        def values(name, of=found):
            return [getattr(one, name) for one in of]

        table.row(
            count,
            number(median(values("rate"))),
            number(median(values("worker_us")), 1),
            number(median(values("postgres_us")), 1),
            number(median(values("broker_us")), 1),
            number(median(values("batch"))),
            number(median(values("batch_limit"))),
            number(ratio(values("rate"), [one.rate for one in rounds[POOLS[0]]]), 2),
        )
    table.note(
        f"Medians of {args.rounds} rounds run in turn; each {3 * ACCOUNTS * waves:,} commands: a"
        f" third each creates, finalizes and pays invoices of three lines, of {ACCOUNTS} accounts."
        " Each is one command row, one event, and four journal postings an invoice."
    )
    table.note(
        "CPU us: user and system time for each command, of all workers, and of Postgres with all"
        " its processes (fsync and synchronous_commit on); batch: commands of a transaction."
    )
    table.note(f"Workers, Postgres and Kafka share {machine()}.")
    table.note(disturbance([one.span for found in rounds.values() for one in found]))
    return table


def main():
    args = arguments(__doc__)
    waves = 20 if args.quick else 60
    rounds = {count: [] for count in POOLS}
    with rig(args) as system:
        say("warming")
        measure(system, 1, 20)
        for index in range(args.rounds):
            for count in POOLS:
                say(f"round {index + 1}: {count} workers")
                rounds[count].append(measure(system, count, waves))
    table_of(args, rounds, waves).print_and_keep(args.out, "worker")


if __name__ == "__main__":
    main()
