"""What a stretch of time cost: CPU of process trees, and what else the machine was busy with."""

import contextlib
import os
import platform
import resource
import statistics
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """The process and all its descendants."""
    found = [pid]
    for process in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{process}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
    return found


def cpu_s(pid):
    """User and system time of a process tree so far, of its ended children too."""
    ticks = 0
    for process in tree(pid):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS


def memory_mib(pid):
    """Resident memory of one process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _machine():
    """(busy, stolen) seconds of all cores."""
    fields = list(map(int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]))
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    return (user + nice + system + irq + softirq) / _TICKS, steal / _TICKS


def _our_own_s():
    """CPU of this program and of the load generators that it has waited for."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


class Span:
    """From its making to end(). processes: a name to a pid, whose trees are looked at."""

    def __init__(self, **processes):
        self.processes = processes
        self._began = self._look()

    def _look(self):
        return (
            time.monotonic(),
            {name: cpu_s(pid) for name, pid in self.processes.items()},
            _our_own_s(),
            _machine(),
        )

    def end(self):
        """Fills wall_s, cpu_s[name], and the shares of all cores: others, steal."""
        began_s, before, own_before, (busy_before, steal_before) = self._began
        ended_s, after, own_after, (busy_after, steal_after) = self._look()
        self.wall_s = ended_s - began_s
        self.cpu_s = {name: after[name] - before[name] for name in after}
        all_s = self.wall_s * os.cpu_count()
        known_s = sum(self.cpu_s.values()) + own_after - own_before
        self.others = max(0.0, busy_after - busy_before - known_s) / all_s
        self.steal = (steal_after - steal_before) / all_s
        return self


def median(values):
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def ratio(values, others):
    """The median of the rounds' own ratios; None where one side was not measured."""
    return median(
        one / other for one, other in zip(values, others, strict=False) if one is not None and other
    )


def machine():
    """The machine in one line."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory_gib:.0f} GiB, Linux {platform.release()}"


def disturbance(spans):
    """How much of the machine was not ours, in the middle and at worst."""
    others = [span.others for span in spans]
    steal = [span.steal for span in spans]
    text = (
        f"Other processes took {median(others):.0%} of the cores in the middle, {max(others):.0%}"
        f" at worst; the hypervisor {median(steal):.0%} and {max(steal):.0%}."
    )
    if max(median(others), median(steal)) > 0.10:
        text += " That is a lot: trust CPU times and ratios more than rates and latencies."
    return text
