"""A Kafka broker of its own in KRaft mode, as deploy/embedded describes it."""

import subprocess

from . import paths
from .ports import answers, free_port
from .process import Process
from .wait import wait_for

JVM = ["-Xms128m", "-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
CLUSTER_ID = "AAAAAAAAQACAAAAAAAAAAQ"

# The stories freeze and kill group members: they would wait six seconds each time otherwise.
FOR_TESTS = """
group.min.session.timeout.ms=500
"""


class Kafka(Process):
    """start() returns when the broker answers; a restart keeps port and data."""

    def __init__(self, folder, name="kafka"):
        self.folder = folder / name
        self.port = free_port()
        self.controller_port = free_port()
        self.classpath = f"{paths.KAFKA_LIB}/*"
        log4j = paths.KAFKA_TEMPLATE / "log4j.properties"
        super().__init__(
            name,
            [
                "java",
                *JVM,
                f"-Dlog4j.configuration=file:{log4j}",
                "-cp",
                self.classpath,
                "kafka.Kafka",
                self.folder / "server.properties",
            ],
            folder,
            env=paths.clean_environment(),
        )

    @property
    def brokers(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        if not (self.folder / "data" / "meta.properties").exists():
            self._format()
        super().start()
        wait_for(
            lambda: "Kafka Server started" in self.must_live().log_text(), "Kafka to start", 60
        )
        wait_for(lambda: answers(self.port), "Kafka to listen", 10)
        return self

    def _format(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        if not paths.KAFKA_LIB.is_dir():
            raise FileNotFoundError(f"{paths.KAFKA_LIB} is missing: ./scripts/test fetches it")
        text = (paths.KAFKA_TEMPLATE / "server.properties.in").read_text()
        for mark, value in (
            ("@PORT@", self.port),
            ("@CONTROLLER_PORT@", self.controller_port),
            ("@DATA@", self.folder / "data"),
        ):
            text = text.replace(mark, str(value))
        config = self.folder / "server.properties"
        config.write_text(text + FOR_TESTS)
        subprocess.run(
            [
                "java",
                *JVM,
                "-cp",
                self.classpath,
                "kafka.tools.StorageTool",
                "format",
                "-t",
                CLUSTER_ID,
                "-c",
                config,
            ],
            check=True,
            capture_output=True,
            timeout=60,
            env=self.env,
        )
