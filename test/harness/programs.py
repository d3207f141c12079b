"""millrace's own programs: started with settings, awaited by what they log and answer."""

import json

from .http import Http
from .process import Process
from .wait import wait_for

SANITIZER_MARKS = ("AddressSanitizer", "LeakSanitizer", "runtime error:", "Assertion `")


class Program(Process):
    """A program with an admin listener. settings: table names without MILLRACE_ to values."""

    def __init__(self, name, argv, folder, settings, environment):
        env = dict(environment)
        env.update({f"MILLRACE_{key}": str(value) for key, value in settings.items()})
        env["ASAN_OPTIONS"] = "abort_on_error=1"
        super().__init__(name, [*argv, "--admin-port=0"], folder, env)
        self.admin_port = None

    def start(self):
        super().start()
        self.admin_port = None
        return self

    def admin(self, path):
        if self.admin_port is None:
            self.admin_port = self.wait_entry("admin listener")["port"]
        client = Http(self.admin_port, deadline_s=5)
        try:
            return client.request("GET", path)
        finally:
            client.close()

    def readiness(self):
        """(is ready, detail) as /readyz tells."""
        reply = self.admin("/readyz")
        return reply.status == 200, json.loads(reply.body)

    def wait_ready(self, deadline_s=30):
        def ready():
            self.must_live()
            is_ready, detail = self.readiness()
            assert is_ready, detail
            return True

        wait_for(ready, f"{self.name} to be ready", deadline_s)
        return self

    def metrics(self):
        """{'name{label="x"}': value} of /metrics."""
        found = {}
        for line in self.admin("/metrics").body.decode().splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                found[name] = float(value)
        return found

    def metric(self, name):
        """The sum of a metric over all its labels; 0 when there is none."""
        return sum(
            value
            for found, value in self.metrics().items()
            if found == name or found.startswith(name + "{")
        )

    def complaints(self):
        """Lines that only a defect of ours writes: sanitizers and assertions."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return [line for line in text.splitlines() if any(mark in line for mark in SANITIZER_MARKS)]


class Edge(Program):
    def __init__(self, build, folder, settings, environment, name="edge"):
        # A restart keeps its port, as a service behind one address would.
        super().__init__(name, [build / "bin" / "millrace-edge"], folder, settings, environment)

    @property
    def port(self):
        return self.wait_entry("listening")["port"]


class Worker(Program):
    def __init__(self, build, folder, settings, environment, name="worker", domain="billing"):
        super().__init__(
            name, [build / "bin" / "millrace-worker", domain], folder, settings, environment
        )
        self.domain = domain


class Collect(Program):
    def __init__(self, build, folder, settings, environment, name="collect"):
        super().__init__(name, [build / "bin" / "millrace-collect"], folder, settings, environment)

    def port(self, protocol):
        """Where it listens for "syslog-tcp", "syslog-udp", "gelf-tcp" or "gelf-udp"."""
        return next(
            entry["port"]
            for entry in self.log_entries()
            if entry.get("msg") == "listening" and entry.get("protocol") == protocol
        )


class Loader(Program):
    def __init__(self, build, folder, settings, environment, name="loader"):
        super().__init__(name, [build / "bin" / "millrace-loader"], folder, settings, environment)
