"""Load by wrk: one thread, many connections, POSTs of one body."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("post.lua")

INVOICE = {
    "customer": "Customer 17 of the benchmark",
    "currency": "EUR",
    "lines": [
        {"description": "Milling, hour", "quantity": 3, "unit_amount_minor": 1250},
        {"description": "Flour, sack", "quantity": 3, "unit_amount_minor": 1250},
        {"description": "Delivery, by barrow", "quantity": 3, "unit_amount_minor": 1250},
    ],
}


@dataclass
class Result:
    requests: int  # answered
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int  # answers of 400 and above
    broken: int  # connections that failed, and requests without an answer
    created: int  # answers of 201, counted only with prefer
    others: int  # other answers, likewise

    @property
    def accepted(self):
        return self.requests - self.refused

    @property
    def rate(self):
        return self.accepted / self.seconds


class Load:
    """folder: for its files. key: an API key; None for a server that asks for none."""

    def __init__(self, folder, port, paths, key=None):
        self.url = f"http://127.0.0.1:{port}"
        body = folder / "body.json"
        body.write_text(json.dumps(INVOICE, separators=(",", ":")))
        listed = folder / f"paths-{port}"
        listed.write_text("".join(f"{path}\n" for path in paths))
        self.environment = {**os.environ, "BENCH_PATHS": str(listed), "BENCH_BODY": str(body)}
        if key:
            self.environment["BENCH_KEY"] = key

    def begin(self, connections, seconds, prefer=None, pause_ms=0):
        """Starts it; finish() takes what is returned."""
        env = {**self.environment, "BENCH_DELAY_MS": str(pause_ms)}
        if prefer:
            env["BENCH_PREFER"] = prefer
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout=20s"]
        return subprocess.Popen(
            [*command, "-s", str(SCRIPT), self.url],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @staticmethod
    def finish(process):
        text, _ = process.communicate(timeout=120)
        for line in text.splitlines():
            if line.startswith("RESULT "):
                n = list(map(int, line.split()[1:]))
                return Result(n[0], n[1] / 1e6, n[2] / 1e3, n[3] / 1e3, *n[4:])
        raise RuntimeError(f"wrk gave no result (status {process.returncode}):\n{text}")

    def run(self, connections, seconds, **options):
        return self.finish(self.begin(connections, seconds, **options))
