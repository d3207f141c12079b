"""millrace-collect: streams are slowed and lose nothing; what datagrams lose is counted."""

import json
import socket
import struct
import threading
import time
import zlib

import pytest
from harness.client import new_account
from harness.wait import stays, wait_for


@pytest.fixture
def servers(shared_system):
    shared_system.kafka.thaw()
    if not shared_system.kafka.is_alive():
        shared_system.kafka.start()
    shared_system.since = {
        domain: shared_system.log.end_offsets(f"{domain}.commands") for domain in ("logging",)
    }
    yield shared_system
    shared_system.kafka.thaw()


@pytest.fixture
def account():
    return str(new_account())


def ports(collect):
    """{"syslog-udp": port, ...}"""
    wait_for(lambda: collect.wait_entry("listening") and len(listening(collect)) == 4, "4 ports")
    return {entry["protocol"]: entry["port"] for entry in listening(collect)}


def listening(collect):
    return [entry for entry in collect.log_entries() if entry.get("msg") == "listening"]


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def send_datagrams(port, datagrams):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", port))


def bodies(system, account):
    return [
        json.loads(record.value).get("body")
        for record in system.log.read_all("logging.commands", system.since["logging"])
        if record.header("ce_account") == account
    ]


def wait_bodies(system, account, expected):
    wait_for(
        lambda: sorted(bodies(system, account)) == sorted(expected),
        f"{len(expected)} messages in the log",
        30,
        0.2,
    )


def syslog(n, text="message"):
    return f"<34>1 2026-11-25T10:00:00.000Z web-1 shop 77 - - {text} {n}"


def octet_counted(message):
    data = message.encode()
    return str(len(data)).encode() + b" " + data


def test_given_each_protocol_then_what_was_said_is_in_the_log(servers, account):
    collect = servers.start_collect(account)
    port = ports(collect)
    said = ["grüße 🦆 one", "two", "three", "four", "five \n lines", "six", "seven"]
    send_datagrams(
        port["syslog-udp"],
        [
            f"<34>1 2026-11-25T10:00:00Z web-1 shop 77 - - {said[0]}".encode(),
            f"<13>Nov 25 10:00:00 web-1 cron[4]: {said[1]}".encode(),
        ],
    )
    with connect(port["syslog-tcp"]) as stream:
        stream.sendall(octet_counted(f"<34>1 - web-1 shop - - - {said[2]}"))
        stream.sendall(f"<34>1 - web-1 shop - - - {said[3]}\n".encode())
    gelf = [
        json.dumps({"version": "1.1", "host": "web-2", "short_message": text}).encode()
        for text in said[4:]
    ]
    packed = zlib.compress(gelf[1])
    half = len(packed) // 2
    chunks = [
        b"\x1e\x0f" + b"abcdefgh" + struct.pack("BB", i, 2) + part
        for i, part in enumerate([packed[:half], packed[half:]])
    ]
    send_datagrams(port["gelf-udp"], [gelf[0], chunks[1], chunks[0]])
    with connect(port["gelf-tcp"]) as stream:
        stream.sendall(gelf[2] + b"\0")
    wait_bodies(servers, account, said)
    records = [
        record
        for record in servers.log.read_all("logging.commands", servers.since["logging"])
        if record.header("ce_account") == account
    ]
    for record in records:
        body = json.loads(record.value)
        assert record.header("ce_type") == "logging.line"
        assert record.key.decode() == record.header("ce_id") == record.header("ce_subject")
        assert body["host"] in ("web-1", "web-2")
        assert body["observed_time"].endswith("Z")
    metrics = collect.metrics()
    for protocol, count in (
        ("syslog-udp", 2),
        ("syslog-tcp", 2),
        ("gelf-udp", 3),
        ("gelf-tcp", 1),
    ):
        assert metrics[f'millrace_collect_received_total{{protocol="{protocol}"}}'] == count
    assert metrics['millrace_collect_source_received_total{source="127.0.0.1"}'] == 8
    assert collect.metric("millrace_collect_lost_total") == 0
    assert collect.metric("millrace_collect_stored_total") == 7
    assert collect.stop() == 0


PADDING = "x" * 500  # so that the kernel's buffers do not hold all that a sender has


class Sender(threading.Thread):
    """Writes lines into one connection as fast as it is let."""

    def __init__(self, port, name, count, framing):
        super().__init__(daemon=True)
        self.port, self.name, self.count, self.framing = port, name, count, framing
        self.sent = 0

    def message(self, n):
        message = syslog(n, self.name + " " + PADDING)
        return octet_counted(message) if self.framing == "octets" else message.encode() + b"\n"

    def run(self):
        with connect(self.port) as stream:
            stream.settimeout(None)
            for n in range(0, self.count, 100):
                stream.sendall(b"".join(self.message(i) for i in range(n, n + 100)))
                self.sent = n + 100


def test_given_kafka_frozen_then_tcp_senders_are_slowed_and_every_line_is_stored(servers, account):
    collect = servers.start_collect(account, IN_FLIGHT_MAX=2000)
    port = ports(collect)["syslog-tcp"]
    count = 40_000
    senders = [Sender(port, "a", count, "octets"), Sender(port, "b", count, "lines")]
    servers.kafka.freeze()
    for sender in senders:
        sender.start()
    wait_for(lambda: collect.metric("millrace_collect_connections_held") == 2, "both to be held")
    at = [sender.sent for sender in senders]
    stays(
        lambda: all(sender.sent < count for sender in senders), "the senders wait for the log", 1
    )
    pending = collect.metric("millrace_collect_pending_messages")
    assert pending <= 2000, "and memory is bounded"
    assert collect.readiness()[0], "a collector without its log is ready still"
    servers.kafka.thaw()
    for sender in senders:
        sender.join(60)
        assert sender.sent == count > at[0]
    expected = [f"{sender.name} {PADDING} {n}" for sender in senders for n in range(count)]
    wait_for(
        lambda: collect.metric("millrace_collect_stored_total") == len(expected), "all stored", 60
    )
    assert sorted(set(bodies(servers, account))) == sorted(expected)
    assert collect.metric("millrace_collect_lost_total") == 0
    assert collect.stop() == 0


def test_given_kafka_frozen_then_every_lost_datagram_is_counted(servers, account):
    collect = servers.start_collect(account, IN_FLIGHT_MAX=500, UDP_BUFFER_BYTES=65536)
    port = ports(collect)["syslog-udp"]
    servers.kafka.freeze()
    count = 20_000
    send_datagrams(port, (syslog(n).encode() for n in range(count)))
    wait_for(
        lambda: collect.metric("millrace_collect_kernel_dropped_total") > 0, "the kernel to drop"
    )
    servers.kafka.thaw()

    def accounted():
        metrics = collect.metrics()
        return (
            metrics["millrace_collect_stored_total"]
            + sum(v for k, v in metrics.items() if k.startswith("millrace_collect_lost_total"))
            + sum(v for k, v in metrics.items() if k.startswith("millrace_collect_kernel_dropped"))
        )

    wait_for(lambda: accounted() == count, "each datagram to be stored or counted", 30)
    assert len(bodies(servers, account)) == collect.metric("millrace_collect_stored_total")
    assert collect.stop() == 0
    assert any(
        entry["msg"] == "the kernel dropped datagrams" for entry in collect.log_entries()
    ), "and somebody who reads the log is told"


def test_given_sigterm_then_what_senders_had_sent_is_stored(servers, account):
    collect = servers.start_collect(account)
    port = ports(collect)
    count = 20_000
    stream = connect(port["syslog-tcp"])
    sender = threading.Thread(
        target=stream.sendall,
        args=(b"".join(syslog(n, "tcp").encode() + b"\n" for n in range(count)) + b"<13>the last",),
        daemon=True,
    )
    sender.start()
    wait_for(lambda: collect.metric("millrace_collect_received_total") > 0, "the stream to flow")
    send_datagrams(port["syslog-udp"], [syslog(n, "udp").encode() for n in range(50)])
    began = time.monotonic()
    assert collect.stop(10) == 0
    assert time.monotonic() - began < 10
    sender.join(10)
    stream.close()
    got = bodies(servers, account)
    assert len(got) == len(set(got)), "nothing came twice"
    assert {f"tcp {n}" for n in range(count)} | {f"udp {n}" for n in range(50)} <= set(got)
    assert "the last" in got, "a line that the stream's end completes too"


def test_given_a_message_without_its_chunks_and_nonsense_then_counted_by_cause_and_source(
    servers, account
):
    collect = servers.start_collect(account, CHUNKS_MS=200)
    port = ports(collect)
    chunks = [b"\x1e\x0f12345678" + struct.pack("BB", n, 2) + b"{" for n in range(2)]
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(("127.0.0.1", port["gelf-udp"]))
    for datagram in (chunks[0], b"\x1f\x8bnonsense", b"[]"):
        sender.send(datagram)

    def lost(cause):
        return collect.metrics().get(
            f'millrace_collect_source_lost_total{{source="127.0.0.1",cause="{cause}"}}', 0
        )

    for cause in ("compression", "invalid", "chunks_lost"):
        wait_for(lambda cause=cause: lost(cause) == 1, f"one lost: {cause}")
    sender.send(chunks[1])
    wait_for(lambda: lost("chunk_late") == 1, "the late chunk")
    with connect(port["gelf-tcp"]) as stream:
        stream.sendall(b"no json\0")
    wait_for(lambda: lost("invalid") == 2, "the bad message of a stream")
    sender.close()
    assert collect.stop() == 0


def test_given_no_account_or_a_taken_port_then_it_does_not_start(servers, account):
    collect = servers.start_collect(account)
    taken = ports(collect)
    with pytest.raises(AssertionError) as ended:
        servers.start_collect(account, SYSLOG_PORT=taken["syslog-tcp"])
    assert "cannot listen" in str(ended.value)
    with pytest.raises(AssertionError) as ended:
        servers.start_collect("")
    assert "COLLECT_ACCOUNT" in str(ended.value)
    assert collect.stop() == 0
    servers.programs[:] = [program for program in servers.programs if program.is_alive()]
