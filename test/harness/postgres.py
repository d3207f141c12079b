"""A PostgreSQL cluster of its own, loopback only, its postmaster our direct child."""

import os
import shutil
import signal
import subprocess

import psycopg

from . import paths
from .ports import free_port
from .process import Process
from .wait import wait_for

# The server refuses root: root runs it as Debian's user postgres, with the one capability that
# lets it through a closed parent folder. The parent-death signal is set last: a change of user
# clears it.
AS_POSTGRES = [
    "setpriv",
    "--reuid=postgres",
    "--regid=postgres",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
]


class Postgres(Process):
    """start() returns when it takes connections; a stop and another start keep the data."""

    def __init__(self, folder, name="postgres"):
        self.port = free_port()
        self.folder = folder / name
        self.data = self.folder / "data"
        self.bin = paths.postgres_bin()
        self.is_root = os.geteuid() == 0
        prefix = [*AS_POSTGRES, "--pdeathsig=SIGQUIT"] if self.is_root else []
        super().__init__(
            name,
            [
                *prefix,
                self.bin / "postgres",
                "-D",
                self.data,
                "-p",
                self.port,
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "max_connections=200",
            ],
            folder,
            env=paths.clean_environment(),
        )

    def start(self):
        if not self.data.exists():
            self._create()
        super().start()
        wait_for(self.is_ready, "PostgreSQL to take connections", 30)
        return self

    def _create(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.is_root:
            shutil.chown(self.folder, "postgres", "postgres")
        prefix = AS_POSTGRES if self.is_root else []
        subprocess.run(
            [
                *prefix,
                self.bin / "initdb",
                "-D",
                self.data,
                "-A",
                "trust",
                "-U",
                "millrace",
                "--no-locale",
                "-E",
                "UTF8",
                "--no-instructions",
                "--no-sync",
            ],
            check=True,
            capture_output=True,
            timeout=60,
            env=self.env,
            cwd="/",
        )

    def is_ready(self):
        self.must_live()
        with self.connect("postgres"):
            return True

    # Fast: open connections are cut, what is committed stays. Immediate: as after a crash.
    def stop(self, deadline_s=20, number=signal.SIGINT):
        return super().stop(deadline_s, number)

    def stop_immediately(self):
        return super().stop(10, signal.SIGQUIT)

    def kill9(self):
        """Kills the postmaster; its children notice, and must be gone before a start."""
        children = self._children()
        super().kill9()
        wait_for(lambda: not any(_exists(pid) for pid in children), "PostgreSQL's children to end")
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _children(self):
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    # --- clients ---

    def dsn(self, database):
        return f"host=127.0.0.1 port={self.port} user=millrace dbname={database}"

    def connect(self, database):
        return psycopg.connect(self.dsn(database), autocommit=True, connect_timeout=5)

    def query(self, database, sql, *parameters):
        """The rows of one statement as tuples; an empty list for one that returns none."""
        with self.connect(database) as connection:
            cursor = connection.execute(sql, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, database, sql, *parameters):
        return self.query(database, sql, *parameters)[0][0]

    def create_databases(self, *names):
        for name in names:
            self.query("postgres", f'create database "{name}"')

    # --- going back in time ---

    def copy_to(self, folder):
        """A copy of the data, made while the server is stopped."""
        assert not self.is_alive(), "stop the server first"
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(["cp", "-a", self.data, folder], check=True)

    def restore_from(self, folder):
        assert not self.is_alive(), "stop the server first"
        shutil.rmtree(self.data)
        subprocess.run(["cp", "-a", folder, self.data], check=True)


def _exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
