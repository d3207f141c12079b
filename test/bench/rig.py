"""What every benchmark stands on: servers of its own, tuned as servers are, and its arguments."""

import argparse
import contextlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from harness import kafka as harness_kafka
from harness import paths
from harness.system import System
from harness.wait import wait_for

# The harness starts a broker quickly; here it shall run quickly, with the JIT's second stage.
BROKER_JVM = ["-Xms512m", "-Xmx1g"]
POSTGRES = {"shared_buffers": "1GB", "max_wal_size": "8GB", "checkpoint_timeout": "15min"}
ACCOUNTS = 300


def arguments(about):
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--build", type=Path, default=paths.ROOT / "build" / "release")
    parser.add_argument(
        "--out", type=Path, default=paths.ROOT / ".run" / "bench", help="folder of the tables"
    )
    parser.add_argument("--peers", type=Path, default=None, help="folder of the peers")
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--quick", action="store_true", help="short rounds, to see that it works")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))  # so that what was started is ended
    found = parser.parse_args()
    found.rounds = found.rounds or (2 if found.quick else 5)
    found.build = found.build.resolve()
    found.out = found.out.resolve()
    return found


def say(text):
    """Progress: only for a person who watches, so that a pipe holds the tables alone."""
    if sys.stderr.isatty():
        print(f"\r\033[K  {text}", end="", file=sys.stderr, flush=True)


def unsay():
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


class Rig(System):
    """A system whose servers are tuned for work; everything of it is in a folder that goes away."""

    def __init__(self, args, settings=None):
        args.out.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix="rig-", dir=args.out))
        super().__init__(folder, args.build, settings)
        words = len(harness_kafka.JVM)
        self.kafka.argv[1 : 1 + words] = BROKER_JVM
        for name, value in POSTGRES.items():
            self.postgres.argv += ["-c", f"{name}={value}"]

    def bench_program(self, name):
        return self.build / "test" / "bench" / name

    def fill(self, waves):
        """3 * ACCOUNTS * waves commands that can all be applied; returns how many."""
        command = [self.bench_program("millrace-fill"), f"--accounts={ACCOUNTS}"]
        subprocess.run(
            [*command, f"--waves={waves}"],
            env=self.environment(),
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return 3 * ACCOUNTS * waves

    def make_topic(self, topic, lanes):
        """A topic that is none of ours."""
        self.log.make_topic(topic, lanes)

    def topic_size(self, topic):
        return sum(self.log.end_offsets(topic).values())

    def load_paths(self):
        """Where invoices are created: accounts enough to reach every lane."""
        accounts = [uuid.uuid5(uuid.NAMESPACE_URL, f"urn:bench:{n}") for n in range(ACCOUNTS)]
        return [f"/v1/accounts/{account}/invoices" for account in accounts]

    def await_lanes(self, workers, lanes):
        """All lanes are owned, and each worker has a share."""

        def shared():
            owned = [worker.metric("millrace_lane_owned") for worker in workers]
            assert min(owned) > 0, owned
            assert sum(owned) == lanes, owned
            return True

        wait_for(shared, "the workers to share the lanes", 30, 0.1)


@contextlib.contextmanager
def rig(args, settings=None):
    """Started servers, topics and tables; all of it is gone afterwards."""
    system = Rig(args, settings)
    try:
        say("starting Kafka and PostgreSQL")
        system.start_servers()
        yield system
        unsay()
        system.stop()
    except BaseException:
        unsay()
        shutil.copytree(system.folder / "log", args.out / "failed-log", dirs_exist_ok=True)
        print(f"The programs' logs are in {args.out / 'failed-log'}", file=sys.stderr)
        raise
    finally:
        unsay()
        system.kill()
        shutil.rmtree(system.folder, ignore_errors=True)


class Clock:
    """Samples a growing number until it reaches its end, on one connection."""

    def __init__(self, postgres, database, statement):
        self.connection = postgres.connect(database)
        self.statement = statement

    def close(self):
        self.connection.close()

    def value(self):
        return int(self.connection.execute(self.statement).fetchone()[0] or 0)

    def until(self, end, deadline_s):
        """[(monotonic seconds, value)] of every change, the last of them at `end` or above."""
        seen = [(time.monotonic(), self.value())]
        deadline = seen[0][0] + deadline_s
        while seen[-1][1] < end:
            now, value = time.monotonic(), self.value()
            if value != seen[-1][1]:
                seen.append((now, value))
            elif now > deadline:
                raise AssertionError(f"{value} of {end} after {deadline_s} s")
            time.sleep(0.01)
        return seen
