"""The edge under load: rates, latencies and CPU of a command that is accepted (202).

Beside the edge itself, on the same broker and in the same rounds: the same edge before a log that
acknowledges at once (what Kafka adds), and gofranz, a small Go server (what others need).
"""

from dataclasses import dataclass, field

from bench import gofranz
from bench.load import Load
from bench.measure import Span, disturbance, machine, median, memory_mib, ratio
from bench.rig import arguments, rig, say
from bench.table import Table, number
from harness.programs import Edge
from harness.wait import wait_for

CONNECTIONS = (64, 256)
TOPIC = "billing.commands"


@dataclass
class Candidate:
    name: str
    process: object
    load: Load
    topic: str | None  # None: it writes to none
    settled: object  # callable: nothing is on its way into the log any more
    rounds: dict = field(default_factory=dict)  # connections to a list of Round


@dataclass
class Round:
    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    broker_us: float
    memory_mib: float
    verdict: str
    refused: int
    span: Span


def start_candidates(args, system):
    key = system.operator_key
    paths = system.load_paths()

    def settled(edge):
        return lambda: edge.metric("millrace_edge_in_flight") == 0

    edge = system.start_edge(KEY_CACHE_MS=600000)
    yield Candidate(
        "millrace-edge", edge, Load(system.folder, edge.port, paths, key), TOPIC, settled(edge)
    )
    ack = Edge(
        args.build,
        system.folder / "log",
        {**system.settings, "EDGE_PORT": 0, "EDGE_ADDRESS": "127.0.0.1", "KEY_CACHE_MS": 600000},
        system.environment(),
        name="edge-ack",
    )
    ack.argv[0] = str(system.bench_program("millrace-edge-ack"))
    system.programs.append(ack)
    ack.start().wait_ready()
    yield Candidate(
        "the same without Kafka", ack, Load(system.folder, ack.port, paths, key), None, settled(ack)
    )
    program, _ = gofranz.build(args)
    if program:
        peer = gofranz.Gofranz(system, program).start()
        yield Candidate(
            "gofranz",
            peer,
            Load(system.folder, peer.port, ["/post"]),
            gofranz.TOPIC,
            lambda: True,
        )


def measure(system, candidate, connections, seconds):
    before = system.topic_size(candidate.topic) if candidate.topic else 0
    span = Span(server=candidate.process.pid, broker=system.kafka.pid)
    result = candidate.load.run(connections, seconds)
    span.end()
    memory = memory_mib(candidate.process.pid)
    verdict = "-"
    if candidate.topic:
        wait_for(candidate.settled, f"{candidate.name} to settle", 15)
        grown = system.topic_size(candidate.topic) - before
        surplus = grown - result.accepted
        # wrk ends with a request of each connection under way.
        verdict = "match" if 0 <= surplus <= connections else f"{surplus:+d}"
    accepted = max(1, result.accepted)
    return Round(
        result.rate,
        result.p50_ms,
        result.p99_ms,
        span.cpu_s["server"] * 1e6 / accepted,
        span.cpu_s["broker"] * 1e6 / accepted,
        memory,
        verdict,
        result.refused + result.broken,
        span,
    )


def column(candidate, connections, name):
    return [getattr(found, name) for found in candidate.rounds.get(connections, [])]


def table_of(args, candidates):
    table = Table(
        "Edge: accepting a command of 300 bytes (POST, keep-alive, 202 after acks=all)",
        "candidate",
        "connections",
        "req/s",
        "p50 ms",
        "p99 ms",
        "CPU us",
        "broker us",
        "MiB",
        "req/s, the edge = 1",
        "CPU, the edge = 1",
        "refused",
        "log",
    )
    edge = candidates[0]
    for connections in CONNECTIONS:
        for candidate in candidates:

            def values(name, of=candidate, at=connections):
                return column(of, at, name)

            table.row(
                candidate.name,
                connections,
                number(median(values("rate"))),
                number(median(values("p50_ms")), 1),
                number(median(values("p99_ms")), 1),
                number(median(values("cpu_us")), 1),
                number(median(values("broker_us")), 1) if candidate.topic else "-",
                number(median(values("memory_mib"))),
                number(ratio(values("rate"), column(edge, connections, "rate")), 2),
                number(ratio(values("cpu_us"), column(edge, connections, "cpu_us")), 2),
                sum(values("refused")),
                "/".join(sorted(set(values("verdict")))),
            )
    if "gofranz" not in [candidate.name for candidate in candidates]:
        table.note(f"gofranz was not run: {gofranz.build(args)[1]}.")
    table.note(
        f"Medians of {args.rounds} rounds run in turn; wrk with one thread, server and broker share"
        f" {machine()}."
    )
    table.note(
        "CPU us: user and system time of the server for each 202, broker us that of Kafka (one"
        " broker, 6 partitions; acks=all of one replica is its page cache, not a disk)."
    )
    table.note(
        "log: match = the topic grew by what was answered 202, and by at most one more for each"
        " connection (wrk gives up what is under way at its end)."
    )
    spans = [found.span for c in candidates for rounds in c.rounds.values() for found in rounds]
    table.note(disturbance(spans))
    return table


def main():
    args = arguments(__doc__)
    seconds = 2 if args.quick else 4
    say("building gofranz")
    gofranz.build(args)
    with rig(args) as system:
        candidates = list(start_candidates(args, system))
        for candidate in candidates:
            say(f"warming {candidate.name}")
            candidate.load.run(64, seconds * 2)
        for index in range(args.rounds):
            for connections in CONNECTIONS:
                for candidate in candidates:
                    say(f"round {index + 1}: {candidate.name}, {connections} connections")
                    found = measure(system, candidate, connections, seconds)
                    candidate.rounds.setdefault(connections, []).append(found)
        for candidate in candidates:
            if candidate.name == "gofranz":
                candidate.process.kill9()  # it knows no orderly end
        table = table_of(args, candidates)
    table.print_and_keep(args.out, "edge")


if __name__ == "__main__":
    main()
