"""What an operator sees and is told: settings, status, lag, the path of one command."""

import subprocess

import pytest
from harness.client import WAIT

PROGRAMS = (
    ["millrace-edge"],
    ["millrace-worker", "billing"],
    ["millrace-loader"],
    ["millracectl", "status"],
)


def run(system, argv, **settings):
    env = {**system.environment(), **settings}
    return subprocess.run(
        [system.build / "bin" / argv[0], *argv[1:]],
        env=env,
        capture_output=True,
        text=True,
        timeout=20,
    )


@pytest.mark.parametrize("argv", PROGRAMS, ids=lambda argv: argv[0])
def test_given_help_then_every_setting_with_its_default(shared_system, argv):
    done = run(shared_system, [argv[0], "--help"])
    assert done.returncode == 0
    assert "--kafka-brokers" in done.stdout


@pytest.mark.parametrize("argv", PROGRAMS, ids=lambda argv: argv[0])
def test_given_a_wrong_setting_then_status_2_and_its_name(shared_system, argv):
    unknown = run(shared_system, argv, MILLRACE_KAFKA_BROKER="127.0.0.1:9")
    assert unknown.returncode == 2
    assert "MILLRACE_KAFKA_BROKER" in unknown.stderr
    level = run(shared_system, argv, MILLRACE_LOG_LEVEL="loud")
    assert level.returncode == 2
    assert "LOG_LEVEL" in level.stderr and "debug" in level.stderr


def test_given_kubernetes_variables_then_they_are_let_pass(shared_system):
    done = run(
        shared_system,
        ["millracectl", "lanes", "list"],
        MILLRACE_EDGE_SERVICE_HOST="10.0.0.1",
        MILLRACE_EDGE_PORT_8080_TCP_PROTO="tcp",
        MILLRACE_EDGE_PORT="tcp://10.0.0.1:8080",
    )
    assert done.returncode == 0, done.stderr


def test_given_one_command_then_show_follows_it_from_record_to_row(system):
    client = system.client()
    created = client.create_invoice(headers=WAIT).json()
    system.verify()
    shown = system.must_ctl("show", created["id"])
    for expected in (
        "billing.invoice.create",
        "applied",
        "billing.invoice.created",
        "invoice_events",
    ):
        assert expected in shown, shown


def test_given_a_running_system_then_status_lag_and_lanes_tell(system):
    client = system.client()
    client.create_invoice(headers=WAIT)
    system.verify()
    for words in (["status"], ["lag"], ["lanes", "list"]):
        assert "billing" in system.must_ctl(*words), words


def test_given_worker_stopped_then_lag_counts_what_waits(system):
    client = system.client()
    system.worker.stop()
    for _ in range(5):
        assert client.create_invoice().status == 202
    assert system.lag() >= 5
    assert "5" in system.must_ctl("lag")
    differs = system.ctl("verify", "--timeout=1")
    assert differs.returncode in (0, 1)
    system.start_worker()
    system.wait_applied()
    system.verify()


def test_given_migrate_and_topics_again_then_nothing_to_do(system):
    system.must_ctl("migrate")
    system.must_ctl("topics", "create")


def test_given_metrics_then_every_program_tells_in_base_units(system):
    client = system.client()
    client.create_invoice(headers=WAIT)
    for program in (system.edge, system.worker, system.loader):
        names = program.metrics()
        assert names
        assert all(name.startswith("millrace_") or name.startswith("process_") for name in names), (
            sorted(names)
        )
        assert program.admin("/livez").status == 200
