"""10,000 lines of a real web server through millrace-produce, killed half way, and once more."""

import subprocess
from collections import Counter

import pytest
from harness import paths
from harness.client import new_account
from harness.logs import export
from harness.process import Process
from harness.wait import wait_for

LOG = paths.TEST_DATA / "access-log" / "apache_access.log"
LINES = 10_000

pytestmark = pytest.mark.skipif(not LOG.exists(), reason=f"{LOG} is not there")


def by_awk(program):
    done = subprocess.run(["awk", program, LOG], capture_output=True, text=True, check=True)
    return dict(line.rsplit(" ", 1) for line in done.stdout.splitlines())


DAY_AND_STATUS = r"""
match($0, /\[[0-9]+\/May\/2015/) { day = substr($0, RSTART + 1, 2)
  n = split($0, quoted, "\""); split(quoted[3], rest, " ")
  for (i = 3; rest[1] !~ /^[0-9][0-9][0-9]$/ && i < n; i++) split(quoted[i + 1], rest, " ")
  count[day " " rest[1]]++ }
END { for (k in count) print k, count[k] }
"""


def killed_half_way(ingest, account, state):
    argv, env = ingest.produce_command(
        "--format=combined",
        "--service=site",
        f"--state-file={state}",
        "--in-flight-max=16",
        LOG,
        account=account,
    )
    program = Process("produce", argv, state.parent, env)
    program.start()
    half = wait_for(
        lambda: (n := sum(ingest.log.end_offsets("logging.commands").values())) > 1000 and n,
        "some lines to be in the log",
        30,
        0.005,
    )
    program.kill9()
    assert half < LINES, "it was done before it could be killed"


def counts(lines):
    return Counter(
        f"{line['time'][8:10]} {line['attributes']['http.response.status_code']}" for line in lines
    )


@pytest.fixture
def alone(own_system):
    own_system.make_whole("logging", "reporting")
    return own_system


def test_given_an_import_killed_and_repeated_then_each_line_is_there_once(alone, tmp_path):
    expected = {key: int(n) for key, n in by_awk(DAY_AND_STATUS).items()}
    assert sum(expected.values()) == LINES
    account = new_account()
    client = alone.client(account)
    state = tmp_path / "import.state"

    killed_half_way(alone, account, state)
    arguments = ["--format=combined", "--service=site"]
    again = alone.produce(*arguments, f"--state-file={state}", LOG, account=account)
    assert again.returncode == 0, again.stderr[-2000:]
    state.unlink()
    once_more = alone.produce(*arguments, f"--state-file={state}", LOG, account=account)
    assert once_more.returncode == 0, once_more.stderr[-2000:]

    alone.wait_applied("logging")
    lines = export(client)
    assert len(lines) == LINES
    assert dict(counts(lines)) == expected
    assert Counter(line["body"] for line in lines) == Counter(
        LOG.read_text(encoding="utf-8", errors="replace").splitlines()
    )
    assert in_warehouse(alone, account) == expected
    print(alone.verify())


def in_warehouse(system, account):
    rows = system.warehouse(
        "select to_char(time at time zone 'UTC', 'DD') || ' ' ||"
        " (attributes::jsonb ->> 'http.response.status_code'), count(*)"
        " from logs where account_id = %s group by 1",
        str(account),
    )
    return dict(rows)


def test_given_its_requests_as_samples_then_each_hour_has_its_count(alone):
    per_hour = {
        key: int(n)
        for key, n in by_awk(
            r"""match($0, /\[[0-9]+\/May\/2015:[0-9]+/) {
            count[substr($0, RSTART + 1, 2) "T" substr($0, RSTART + 13, 2)]++ }
            END { for (k in count) print k, count[k] }"""
        ).items()
    }
    client = alone.client()
    samples = []
    for line in LOG.read_text(errors="replace").splitlines():
        stamp = line.split("[", 1)[1].split(" ", 1)[0]
        day, _, rest = stamp.split("/", 2)
        samples.append(
            {
                "metric": "site.requests",
                "kind": "counter",
                "time": f"2015-05-{day}T{rest[5:]}Z",
                "value": 1,
            }
        )
    for start in range(0, len(samples), 2000):
        reply = client.post(f"{client.base()}/samples", samples[start : start + 2000])
        assert reply.status == 200 and reply.json()["accepted"] == 2000, reply
    alone.wait_applied("reporting")

    def by_hour():
        reply = client.get(
            f"{client.base()}/reports/site.requests"
            "?from=2015-05-17T00:00:00Z&to=2015-05-21T00:00:00Z&step=3600"
        )
        assert reply.status == 200, reply
        return {item["at"][8:13]: item["sum"] for item in reply.json()["items"] if item["count"]}

    wait_for(lambda: by_hour() == per_hour, "the hours to be summed", 60, 0.5)
    print(alone.verify())
