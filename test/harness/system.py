"""A whole millrace: Kafka, PostgreSQL, and the programs around them."""

import subprocess
import uuid

from . import paths
from .client import Client, new_account
from .kafka import Kafka
from .kafka_client import KafkaClient
from .ports import free_port
from .postgres import Postgres
from .programs import Collect, Edge, Loader, Worker
from .wait import wait_for

LANES = 6
SCOPES = ",".join(
    f"{domain}:{verb}" for domain in ("billing", "logging", "reporting") for verb in ("read", "write")
)

# Short times, so that a story is about what happens, not about waiting for it.
SETTINGS = {
    "FLUSH_MS": 200,
    "SESSION_TIMEOUT_MS": 3000,
    "DRAIN_MS": 1000,
    "LOG_FORMAT": "json",
}


class System:
    """folder: everything of it. build: build/release or its like. settings: of all programs."""

    def __init__(self, folder, build, settings=None):
        self.folder = folder
        self.build = build
        self.settings = {**SETTINGS, **(settings or {})}
        self.kafka = Kafka(folder)
        self.postgres = Postgres(folder)
        self.log = KafkaClient(self.kafka.brokers)
        self.edge_port = free_port()
        self.programs = []
        self._operator_key = None
        self._names = {}

    # --- servers ---

    def start_servers(self):
        self.kafka.start()
        self.postgres.start()
        self.postgres.create_databases("millrace", "warehouse")
        self.must_ctl("migrate")
        self.must_ctl("topics", "create", f"--lanes={LANES}")
        return self

    def environment(self):
        env = paths.clean_environment()
        env.update(
            {
                "MILLRACE_KAFKA_BROKERS": self.kafka.brokers,
                "MILLRACE_PG": self.postgres.dsn("millrace"),
                "MILLRACE_WAREHOUSE": self.postgres.dsn("warehouse"),
                "MILLRACE_SCHEMAS": str(paths.SCHEMAS),
            }
        )
        return env

    # --- programs ---

    def _add(self, kind, base, settings, **more):
        count = self._names[base] = self._names.get(base, 0) + 1
        program = kind(
            self.build,
            self.folder / "log",
            {**self.settings, **settings},
            self.environment(),
            name=f"{base}-{count}",
            **more,
        )
        self.programs.append(program)
        return program.start()

    def start_edge(self, **settings):
        """The first edge has the system's port; another one says EDGE_PORT=0."""
        edge = self._add(
            Edge, "edge", {"EDGE_PORT": self.edge_port, "EDGE_ADDRESS": "127.0.0.1", **settings}
        )
        return edge.wait_ready()

    def start_worker(self, domain="billing", **settings):
        base = "worker" if domain == "billing" else f"worker-{domain}"
        return self._add(Worker, base, settings, domain=domain).wait_ready()

    def start_collect(self, account, **settings):
        """It listens on the loopback interface, on free ports of its own."""
        ports = {"SYSLOG_PORT": free_port(), "GELF_PORT": free_port()}
        return self._add(
            Collect,
            "collect",
            {"COLLECT_ADDRESS": "127.0.0.1", "COLLECT_ACCOUNT": account, **ports, **settings},
        ).wait_ready()

    def start_loader(self, **settings):
        return self._add(Loader, "loader", settings).wait_ready()

    def living(self, kind):
        return [
            program for program in self.programs if isinstance(program, kind) and program.is_alive()
        ]

    def living_workers(self, domain="billing"):
        return [worker for worker in self.living(Worker) if worker.domain == domain]

    def make_whole(self, *domains):
        """One edge, one loader, one worker of billing and of each domain that is named, and both
        servers: what a story begins with."""
        for program in [self.kafka, self.postgres, *self.programs]:
            program.thaw()
        if not self.kafka.is_alive():
            self.kafka.start()
        if not self.postgres.is_alive():
            self.postgres.start()
        workers = [
            (self.living_workers(domain), lambda domain=domain: self.start_worker(domain))
            for domain in ("billing", *domains)
        ]
        for living, start in (
            (self.living(Loader), self.start_loader),
            *workers,
            (self.living(Edge), self.start_edge),
        ):
            for surplus in living[1:]:
                surplus.stop()
            if not living:
                start()
            else:
                living[0].wait_ready()
        return self

    @property
    def edge(self):
        return self.living(Edge)[0]

    @property
    def worker(self):
        return self.living_workers()[0]

    @property
    def loader(self):
        return self.living(Loader)[0]

    def stop(self):
        """Everything ends as it should: status 0 on SIGTERM, and no complaint in any log."""
        problems = []
        for program in self.programs:
            if program.is_alive():
                program.thaw()
                try:
                    status = program.stop()
                    if status != 0:
                        problems.append(
                            f"{program.name} ended with {status}:\n{program.log_tail()}"
                        )
                except AssertionError as error:
                    problems.append(str(error))
            problems += [f"{program.name}: {line}" for line in program.complaints()]
        self.kill()
        assert not problems, "\n".join(problems)

    def kill(self):
        for program in self.programs:
            program.kill9()
        self.log.close()
        self.kafka.kill9()
        if self.postgres.is_alive():
            self.postgres.stop_immediately()

    def produce(self, *arguments, account=None, input_bytes=None, deadline_s=120, **settings):
        """Runs millrace-produce to its end; returns the finished process, output as text."""
        argv, env = self.produce_command(*arguments, account=account, **settings)
        return subprocess.run(
            argv, env=env, input=input_bytes, capture_output=True, timeout=deadline_s
        )

    def produce_command(self, *arguments, account=None, **settings):
        """(argv, environment) of a millrace-produce, for who must kill it half way."""
        env = self.environment()
        if account:
            env["MILLRACE_ACCOUNT"] = str(account)
        env.update({f"MILLRACE_{name}": str(value) for name, value in settings.items()})
        env["ASAN_OPTIONS"] = "abort_on_error=1"
        return [self.build / "bin" / "millrace-produce", *map(str, arguments)], env

    # --- the operator ---

    def ctl(self, *arguments, deadline_s=60, **settings):
        env = self.environment()
        env.update({f"MILLRACE_{name}": str(value) for name, value in settings.items()})
        env["ASAN_OPTIONS"] = "abort_on_error=1"
        return subprocess.run(
            [self.build / "bin" / "millracectl", *map(str, arguments)],
            env=env,
            capture_output=True,
            text=True,
            timeout=deadline_s,
        )

    def must_ctl(self, *arguments, **options):
        """Its standard output; an error when its exit status is not 0."""
        done = self.ctl(*arguments, **options)
        assert done.returncode == 0, (
            f"millracectl {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        )
        return done.stdout

    def new_key(self, account, scopes=SCOPES, operator=False):
        arguments = ["keys", "create", f"--account={account}", f"--scopes={scopes}"]
        if operator:
            arguments.append("--operator")
        return self.must_ctl(*arguments).splitlines()[-1].strip()

    @property
    def operator_key(self):
        if self._operator_key is None:
            self._operator_key = self.new_key(uuid.uuid4(), operator=True)
        return self._operator_key

    def operator(self, account=None):
        """A client that may speak for every account."""
        return Client(self.edge_port, self.operator_key, account)

    def client(self, account=None, scopes=SCOPES):
        """A client of one account, a new one when none is named."""
        account = str(account or new_account())
        return Client(self.edge_port, self.new_key(account, scopes), account)

    # --- views ---

    def sql(self, statement, *parameters):
        return self.postgres.query("millrace", statement, *parameters)

    def warehouse(self, statement, *parameters):
        return self.postgres.query("warehouse", statement, *parameters)

    def lag(self, domain="billing"):
        """Commands in the log that are not settled yet."""
        ends = self.log.end_offsets(f"{domain}.commands")
        applied = dict(
            self.sql("select lane, applied from millrace.lane where domain = %s", domain)
        )
        return sum(end - applied.get(lane, 0) for lane, end in ends.items())

    def wait_applied(self, domain="billing", deadline_s=60):
        wait_for(
            lambda: self.lag(domain) == 0, f"{domain}'s commands to be settled", deadline_s, 0.1
        )

    def verify(self, timeout_s=30):
        """millracectl verify finds every step equal to the one before it."""
        done = self.ctl("verify", f"--timeout={timeout_s}", deadline_s=timeout_s + 60)
        assert done.returncode == 0, f"verify: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout
