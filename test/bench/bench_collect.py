"""Syslog over TCP into the log: millrace-collect beside rsyslog (imtcp, JSON template, omkafka)."""

import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

from bench.lines import ACCOUNT
from bench.measure import Span, disturbance, machine, median, ratio
from bench.rig import arguments, rig, say
from bench.table import Table, number
from harness.ports import answers, free_port
from harness.process import Process
from harness.wait import wait_for

TOPIC = "logging.commands"
CHUNK = 1 << 20
CONFIG = """
global(workDirectory="{folder}")
module(load="imtcp")
module(load="omkafka")
template(name="line" type="list" option.jsonf="on") {{
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="observed_time" name="timegenerated" dateFormat="rfc3339" format="jsonf")
  property(outname="severity_number" name="syslogseverity" format="jsonf" datatype="number")
  property(outname="severity_text" name="syslogseverity-text" format="jsonf")
  property(outname="body" name="msg" format="jsonf")
  property(outname="service" name="programname" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="pid" name="procid" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
}}
input(type="imtcp" address="127.0.0.1" port="{port}")
action(type="omkafka" topic="{topic}" broker="{brokers}" template="line"
  confParam=["acks=all", "linger.ms=5", "queue.buffering.max.messages=1000000"]
  partitions.auto="on" resubmitOnFailure="on" action.resumeRetryCount="-1")
"""


@dataclass
class Round:
    rate: float
    own_us: float
    span: Span


class RsyslogKafka(Process):
    def __init__(self, system):
        folder = system.folder / f"rsyslog-{free_port()}"
        folder.mkdir()
        self.port = free_port()
        config = folder / "rsyslog.conf"
        config.write_text(
            CONFIG.format(
                folder=folder, port=self.port, topic=TOPIC, brokers=system.kafka.brokers
            )
        )
        program = shutil.which("rsyslogd") or "/usr/sbin/rsyslogd"
        super().__init__(
            folder.name, [program, "-n", "-f", config, "-i", folder / "pid"], folder
        )

    def start(self):
        super().start()
        wait_for(lambda: self.must_live() and answers(self.port), "rsyslogd to listen", 10)
        return self


def messages(count):
    """RFC 5424 over LF framing, of about 250 bytes each."""
    text = "payment of order {n} was accepted by the acquirer after 2 tries, " + "x" * 120
    return b"".join(
        f"<134>1 2026-11-25T10:00:{n % 60:02}.{n % 1000:03}Z web-{n % 8} shop {n % 9999} - - "
        f"{text.format(n=n)}\n".encode()
        for n in range(count)
    )


def send(system, process, port, payload, count):
    before = system.topic_size(TOPIC)
    span = Span(it=process.pid)
    with socket.create_connection(("127.0.0.1", port)) as s:
        for start in range(0, len(payload), CHUNK):
            s.sendall(payload[start : start + CHUNK])
        s.shutdown(socket.SHUT_WR)
        wait_for(
            lambda: system.topic_size(TOPIC) >= before + count, "every message in the log", 120, 0.1
        )
    span.end()
    wrote = system.topic_size(TOPIC) - before
    assert wrote == count, f"{wrote} records of {count} messages"
    return Round(count / span.wall_s, span.cpu_s["it"] * 1e6 / count, span)


def main():
    args = arguments(__doc__)
    count = 60_000 if args.quick else 400_000
    has_peer = Path("/usr/lib").glob("*/rsyslog/omkafka.so")
    with rig(args) as system:
        payload = messages(count)
        collect = system.start_collect(ACCOUNT)
        found = {"collect": []}
        rsyslog = None
        if any(has_peer):
            rsyslog = RsyslogKafka(system).start()
            found["rsyslog"] = []
        else:
            print("rsyslog's omkafka is not installed (package rsyslog-kafka): it is left out.")
        for index in range(args.rounds + 1):
            say(f"round {index} of {args.rounds}")
            ours = send(system, collect, collect.port("syslog-tcp"), payload, count)
            theirs = send(system, rsyslog, rsyslog.port, payload, count) if rsyslog else None
            if index > 0:  # the first warms connections and caches
                found["collect"].append(ours)
                if theirs:
                    found["rsyslog"].append(theirs)
        if rsyslog:
            rsyslog.stop()
        collect.stop()
        table = Table(
            "Collector: syslog messages over one TCP connection into the log",
            "who",
            "messages/s",
            "CPU us a message",
            "CPU, rsyslog = 1",
        )
        for name, rounds in found.items():
            table.row(
                {"collect": "millrace-collect", "rsyslog": "rsyslog, imtcp and omkafka"}[name],
                number(median([one.rate for one in rounds])),
                number(median([one.own_us for one in rounds]), 1),
                number(
                    ratio(
                        [one.own_us for one in rounds],
                        [one.own_us for one in found.get("rsyslog", [])],
                    ),
                    2,
                ),
            )
        table.note(
            f"Medians of {args.rounds} rounds in turn of {count:,} messages, acks=all, the same"
            " topic; nothing was lost: the topic grew by exactly as many records each time."
        )
        table.note(f"All share {machine()}.")
        table.note(disturbance([one.span for rounds in found.values() for one in rounds]))
        table.print_and_keep(args.out, "collect")


if __name__ == "__main__":
    main()
