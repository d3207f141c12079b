"""Log lines for the benchmarks: the same ones from the same generator, as bodies and in topics."""

import subprocess

ACCOUNT = "3f0d9c1e-5a52-7c11-8b7d-0a4c6b2d9e10"
LAST_DAY = "2026-11-24"


def bodies(system, count):
    """The file of `count` bodies as NDJSON, made once."""
    path = system.folder / f"lines-{count}.ndjson"
    if not path.exists():
        with open(path, "wb") as out:
            subprocess.run(
                [system.bench_program("millrace-log-lines"), "json", str(count), "1", LAST_DAY, "10"],
                stdout=out,
                check=True,
                timeout=300,
            )
    return path


def fill(system, count, key):
    """Appends `count` lines to logging.commands; another key gives other ids."""
    done = system.produce(
        "--type=logging.line",
        f"--idempotency-key={key}",
        bodies(system, count),
        account=ACCOUNT,
        deadline_s=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return count
