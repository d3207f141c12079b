"""The peer: net/http and franz-go, acks=all, 202 after the delivery; built from its folder."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from harness import paths
from harness.ports import answers, free_port
from harness.process import Process
from harness.system import LANES
from harness.wait import wait_for

TOPIC = "bench.gofranz"


def folder(args):
    """The peers' folder, or None."""
    found = args.peers or os.environ.get("MILLRACE_PEERS") or paths.ROOT.parent / "shared" / "peers"
    return Path(found).resolve() if (Path(found) / "gofranz").is_dir() else None


def build(args):
    """(program, None), or (None, why there is none)."""
    source = folder(args)
    if source is None:
        return None, "MILLRACE_PEERS has no folder gofranz"
    if not shutil.which("go"):
        return None, "no Go compiler"
    cache = paths.ROOT / ".cache" / "peers"
    copy, program = cache / "gofranz-src", cache / "gofranz"
    text = (source / "gofranz" / "main.go").read_text()
    if not program.exists() or (copy / "main.go").read_text() != text:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(source / "gofranz", copy)
        for command in (["go", "mod", "tidy"], ["go", "build", "-o", str(program), "."]):
            done = subprocess.run(
                command, cwd=copy, capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode != 0:
                return None, f"{' '.join(command)} failed: {done.stderr.strip().splitlines()[-1]}"
    return program, None


class Gofranz(Process):
    def __init__(self, system, program):
        self.port = free_port()
        self.system = system
        super().__init__(
            "gofranz",
            [
                program,
                "-broker",
                system.kafka.brokers,
                "-listen",
                f"127.0.0.1:{self.port}",
                "-topic",
                TOPIC,
            ],
            system.folder / "log",
            paths.clean_environment(),
        )

    def start(self):
        asyncio.run(self._make_topic())
        super().start()
        wait_for(lambda: answers(self.must_live() and self.port), "gofranz to listen")
        return self

    async def _make_topic(self):
        admin = AIOKafkaAdminClient(bootstrap_servers=self.system.kafka.brokers)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(TOPIC, LANES, 1)])
        finally:
            await admin.close()
