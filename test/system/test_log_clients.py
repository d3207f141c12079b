"""Senders that nobody here wrote put lines in; what is read back is what they put on the wire."""

import logging

import pygelf
import pytest
from harness.client import new_account
from harness.logs import LINES, LONG, TEXTS, Rsyslog, export, logger, wait_bodies
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource


@pytest.fixture
def account():
    return new_account()


@pytest.fixture
def collect(ingest, account):
    program = ingest.start_collect(account)
    yield program
    program.stop()


def python_logger(name, handler):
    found = logging.getLogger(name)
    found.setLevel(logging.DEBUG)
    found.propagate = False
    found.handlers = [handler]
    return found


# --- syslog ---


@pytest.mark.parametrize(
    "options",
    [
        'protocol="udp"',
        'protocol="tcp"',
        'protocol="tcp" TCP_Framing="octet-counted"',
    ],
    ids=["udp", "tcp", "octet-counted"],
)
def test_given_rsyslog_then_its_messages_are_read_as_sent(
    ingest, account, collect, tmp_path, options
):
    transport = "udp" if "udp" in options else "tcp"
    client = ingest.client(account)
    sender = Rsyslog(tmp_path, collect.port(f"syslog-{transport}"), options).start()
    texts = list(TEXTS)
    if "octet" in options:
        texts.append(LONG)
    for text in texts:
        logger("-u", sender.socket, "-t", "shop", "-p", "local3.warning", "-S", "128KiB", text=text)
    wait_bodies(client, texts)
    for line in export(client):
        assert line["service"] == "shop"
        assert line["severity_number"] == 13
        assert line["host"]
    sender.stop()


@pytest.mark.parametrize(
    "options",
    [
        ["-d", "--rfc5424"],
        ["-d", "--rfc3164"],
        ["-T", "--rfc5424"],
        ["-T", "--rfc5424", "--octet-count"],
        ["-T", "--rfc3164"],
    ],
    ids=" ".join,
)
def test_given_logger_then_its_messages_are_read_as_sent(ingest, account, collect, options):
    client = ingest.client(account)
    port = collect.port("syslog-udp" if "-d" in options else "syslog-tcp")
    for text in TEXTS:
        logger(
            "-n", "127.0.0.1", "-P", port, *options, "-t", "till", "-p", "user.err", text=text
        )
    wait_bodies(client, TEXTS)
    assert {line["service"] for line in export(client)} == {"till"}
    assert {line["severity_number"] for line in export(client)} == {17}


# --- GELF ---


def test_given_pygelf_over_udp_then_chunks_are_put_together(ingest, account, collect):
    client = ingest.client(account)
    handler = pygelf.GelfUdpHandler(
        host="127.0.0.1", port=collect.port("gelf-udp"), chunk_size=1300, _shop="berlin"
    )
    log = python_logger("gelf-udp", handler)
    texts = [*TEXTS, LINES, LONG]
    for text in texts:
        log.warning(text)
    wait_bodies(client, texts)
    assert {line["attributes"]["shop"] for line in export(client)} == {"berlin"}
    assert {line["severity_number"] for line in export(client)} == {13}


def test_given_pygelf_over_tcp_then_its_messages_are_read_as_sent(ingest, account, collect):
    client = ingest.client(account)
    handler = pygelf.GelfTcpHandler(host="127.0.0.1", port=collect.port("gelf-tcp"))
    log = python_logger("gelf-tcp", handler)
    texts = [*TEXTS, LINES, LONG]
    for text in texts:
        log.error(text)
    wait_bodies(client, texts)
    handler.close()


@pytest.mark.parametrize("compress", [True, False])
def test_given_pygelf_over_http_then_its_messages_are_read_as_sent(ingest, account, compress):
    client = ingest.client(account)
    handler = pygelf.GelfHttpHandler(
        host="127.0.0.1", port=ingest.edge_port, path="/gelf", compress=compress
    )
    handler.headers["Authorization"] = f"Bearer {client.key}"
    log = python_logger(f"gelf-http-{compress}", handler)
    texts = [*TEXTS, LINES, LONG]
    for text in texts:
        log.info(text)
    wait_bodies(client, texts)


# --- OTLP ---


@pytest.mark.parametrize("compression", [Compression.Gzip, Compression.NoCompression])
def test_given_the_opentelemetry_sdk_then_its_records_are_read_as_sent(
    ingest, account, compression
):
    client = ingest.client(account)
    provider = LoggerProvider(
        resource=Resource.create({"service.name": "checkout", "host.name": "pos-7"})
    )
    exporter = OTLPLogExporter(
        endpoint=f"http://127.0.0.1:{ingest.edge_port}/otlp/v1/logs",
        headers={"Authorization": f"Bearer {client.key}"},
        compression=compression,
    )
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    log = python_logger(f"otlp-{compression}", LoggingHandler(logger_provider=provider))
    texts = [*TEXTS, LINES, LONG]
    for text in texts:
        log.error(text, extra={"order": 1250, "paid": True, "items": ["flour", "salt"]})
    provider.force_flush()
    wait_bodies(client, texts)
    for line in export(client):
        assert (line["service"], line["host"]) == ("checkout", "pos-7")
        assert line["severity_number"] == 17
        assert line["attributes"]["order"] == 1250
        assert line["attributes"]["paid"] is True
        assert line["attributes"]["items"] == ["flour", "salt"]
    provider.shutdown()
