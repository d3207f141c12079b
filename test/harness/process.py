"""A child process that can be stopped, killed, frozen and thawed, with its output in a file."""

import ctypes
import json
import os
import signal
import subprocess
from pathlib import Path

from .wait import Gone, wait_for

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    """In the child: if the tests are killed, nothing of theirs is left running."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One child. `name` is for people; `log` collects standard output and error of every start."""

    def __init__(self, name, argv, folder, env=None):
        self.name = name
        self.argv = [str(word) for word in argv]
        self.env = env
        self.log = Path(folder) / f"{name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._child = None
        self._log_start = 0  # where this start's output begins in the log

    # --- life ---

    def start(self):
        assert not self.is_alive(), f"{self.name} runs already"
        with open(self.log, "ab") as log:
            self._log_start = log.tell()
            self._child = subprocess.Popen(
                self.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.log.parent,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        return self

    @property
    def pid(self):
        return self._child.pid

    @property
    def status(self):
        """The exit status, negative for a signal; None while it runs or before it started."""
        return self._child.poll() if self._child else None

    def is_alive(self):
        return self._child is not None and self._child.poll() is None

    def must_live(self):
        if not self.is_alive():
            raise Gone(f"{self.name} has ended with status {self.status}:\n{self.log_tail()}")
        return self

    def send(self, number):
        self._child.send_signal(number)

    def wait(self, deadline_s=15):
        """The exit status, once it has ended."""
        wait_for(lambda: not self.is_alive(), f"the end of {self.name}", deadline_s)
        return self._child.returncode

    def stop(self, deadline_s=25, number=signal.SIGTERM):
        """Asks it to end and returns its exit status; SIGKILL and an error when it does not."""
        if not self.is_alive():
            return self.status
        self.send(number)
        self.send(signal.SIGCONT)
        try:
            return self.wait(deadline_s)
        except AssertionError as late:
            self.kill9()
            raise AssertionError(f"{late}\n{self.log_tail()}") from late

    def kill9(self):
        if self.is_alive():
            self.send(signal.SIGKILL)
            self._child.wait()

    # --- freezing ---

    def freeze(self):
        """SIGSTOP, and back only when every thread stands still."""
        self.send(signal.SIGSTOP)
        wait_for(lambda: self._thread_states() == {"T"}, f"{self.name} to stand still", 5, 0.001)

    def thaw(self):
        if self.is_alive():
            self.send(signal.SIGCONT)

    def _thread_states(self):
        states = set()
        for stat in Path(f"/proc/{self.pid}/task").glob("*/stat"):
            states.add(stat.read_text().rsplit(") ", 1)[1][0])
        return states

    # --- what it costs ---

    def cpu_s(self):
        """User and system time so far, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # --- what it says ---

    def log_text(self):
        """The output of the present (or last) start."""
        with open(self.log, "rb") as log:
            log.seek(self._log_start)
            return log.read().decode("utf-8", "replace")

    def log_tail(self, lines=25):
        return "\n".join(line[:500] for line in self.log_text().splitlines()[-lines:])

    def log_entries(self):
        """The JSON lines of the output as dicts; other lines are passed over."""
        entries = []
        for line in self.log_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                entries.append(entry)
        return entries

    def wait_entry(self, message, deadline_s=20):
        """The first log entry whose "msg" is `message`."""

        def find():
            for entry in self.log_entries():
                if entry.get("msg") == message:
                    return entry
            self.must_live()
            return None

        return wait_for(find, f'{self.name} to log "{message}"', deadline_s)
