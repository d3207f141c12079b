"""Kafka Connect's JDBC sink (Debezium) as a peer: it writes lines into a table like logging.log."""

import asyncio
import json
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path

from aiokafka import AIOKafkaProducer
from bench import lines
from bench.measure import Span
from harness import paths
from harness.ports import free_port
from harness.wait import wait_for

TOPIC = "lines_schema"
TASKS = 3
BATCH = 3000
FIELDS = (
    ("account_id", "string"),
    ("id", "string"),
    ("lane", "int32"),
    ("position", "int64"),
    ("time", "string"),
    ("severity", "int32"),
    ("severity_text", "string"),
    ("service", "string"),
    ("host", "string"),
    ("body", "string"),
    ("attributes", "string"),
)
SCHEMA = {
    "type": "struct",
    "optional": False,
    "fields": [{"field": name, "type": kind, "optional": name != "id"} for name, kind in FIELDS],
}
TABLE = """
create table {name} (account_id text, id text primary key, lane int, position bigint, time text,
    severity int, severity_text text, service text, host text, body text, attributes text)
"""


def jars(args):
    """(folder of libs and plugins, None), fetched once; or (None, why there is none)."""
    found = args.peers or os.environ.get("MILLRACE_PEERS") or paths.ROOT.parent / "shared" / "peers"
    poms, cache = Path(found).resolve(), paths.ROOT / ".cache" / "peers" / "connect"
    if not (poms / "connect-pom.xml").exists():
        return None, "MILLRACE_PEERS has no connect-pom.xml"
    for pom, folder in (("connect-pom.xml", "libs"), ("connect-plugin-pom.xml", "plugins/dbz")):
        if (cache / folder).is_dir():
            continue
        done = subprocess.run(
            [
                "mvn", "-q", "-B", "-f", str(poms / pom), "dependency:copy-dependencies",
                "-DincludeScope=runtime", f"-DoutputDirectory={cache / folder}",
            ],
            capture_output=True, text=True, timeout=600,
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(cache / folder, ignore_errors=True)
            return None, f"Maven could not fetch Connect: {done.stdout[-300:]}"
    # The plugin's own Jackson does not know the worker's modules.
    for jar in (cache / "plugins" / "dbz").glob("jackson-*.jar"):
        if jar.name.split("-")[1] in ("annotations", "core", "databind"):
            jar.unlink()
    return cache, None


def row_of(number, line):
    return {
        "account_id": lines.ACCOUNT,
        "id": str(uuid.UUID(int=number)),
        "lane": number % 6,
        "position": number,
        "time": line.get("time"),
        "severity": line.get("severity_number"),
        "severity_text": line.get("severity_text"),
        "service": line.get("service"),
        "host": line.get("host"),
        "body": line.get("body"),
        "attributes": json.dumps(line.get("attributes")),
    }


async def _fill(brokers, path):
    producer = AIOKafkaProducer(bootstrap_servers=brokers, acks="all", linger_ms=20)
    await producer.start()
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file):
            envelope = {"schema": SCHEMA, "payload": row_of(number, json.loads(text))}
            await producer.send(TOPIC, json.dumps(envelope).encode(), partition=number % 6)
    await producer.stop()


def fill(system, count):
    """The lines with the envelope that its converter wants, once."""
    system.make_topic(TOPIC, 6)
    asyncio.run(_fill(system.kafka.brokers, lines.bodies(system, count)))


def _properties(path, settings):
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return path


def _configure(peers, system, table):
    folder = system.folder / f"connect-{time.monotonic_ns()}"
    folder.mkdir()
    worker = _properties(
        folder / "worker.properties",
        {
            "bootstrap.servers": system.kafka.brokers,
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": "org.apache.kafka.connect.json.JsonConverter",
            "value.converter.schemas.enable": "true",
            "offset.storage.file.filename": folder / "offsets",
            "plugin.path": peers / "plugins",
            "plugin.discovery": "only_scan",
            "listeners": f"http://127.0.0.1:{free_port()}",
        },
    )
    sink = _properties(
        folder / "sink.properties",
        {
            "name": folder.name,
            "connector.class": "io.debezium.connector.jdbc.JdbcSinkConnector",
            "tasks.max": TASKS,
            "topics": TOPIC,
            "connection.url": f"jdbc:postgresql://127.0.0.1:{system.postgres.port}/millrace"
            "?reWriteBatchedInserts=true",
            "connection.username": "millrace",
            "connection.password": "x",
            "insert.mode": "insert",
            "primary.key.mode": "record_value",
            "primary.key.fields": "id",
            "collection.name.format": table,
            "schema.evolution": "none",
            "batch.size": BATCH,
            "consumer.override.auto.offset.reset": "earliest",
            "consumer.override.max.poll.records": BATCH,
            "consumer.override.fetch.min.bytes": "1048576",
            "consumer.override.max.partition.fetch.bytes": "4194304",
        },
    )
    log4j = folder / "log4j.properties"
    log4j.write_text(
        "log4j.rootLogger=WARN, A\nlog4j.appender.A=org.apache.log4j.ConsoleAppender\n"
        "log4j.appender.A.layout=org.apache.log4j.PatternLayout\n"
    )
    return folder, log4j, worker, sink


def run(peers, system, rows):
    """(rows a second from the first row on, CPU us a row, Postgres us a row, span)."""
    table = "connect_log"
    system.sql(f"drop table if exists {table}")
    system.sql(TABLE.format(name=table))
    folder, log4j, worker, sink = _configure(peers, system, table)
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [
                "java", "-Xms256m", "-Xmx1g", f"-Dlog4j.configuration=file:{log4j}",
                "-cp", str(peers / "libs" / "*"),
                "org.apache.kafka.connect.cli.ConnectStandalone", str(worker), str(sink),
            ],
            stdout=log, stderr=subprocess.STDOUT, env=dict(os.environ),
        )  # fmt: skip
        try:
            span = Span(connect=process.pid, postgres=system.postgres.pid)
            count = f"select count(*) from {table}"

            def some():
                assert process.poll() is None, (folder / "log").read_text()[-2000:]
                return system.sql(count)[0][0]

            first = wait_for(some, "Connect's first rows", 120, 0.05)
            began = time.monotonic()
            wait_for(lambda: some() >= rows, "Connect's rows", 300, 0.1)
            wall_s = time.monotonic() - began
            span.end()
        finally:
            process.terminate()
            process.wait(20)
    return (
        (rows - first) / wall_s,
        span.cpu_s["connect"] * 1e6 / rows,
        span.cpu_s["postgres"] * 1e6 / rows,
        span,
    )
