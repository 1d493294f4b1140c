"""Processor time of processes."""

import os
import pathlib
import resource
import time

TICKS = os.sysconf("SC_CLK_TCK")


def processor_time(pid: int) -> float:
    """Seconds, of a process that may be a moment from its end."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = fields[11:13]
    return (int(user) + int(system)) / TICKS


def nanoseconds(pid: int) -> int:
    """User and system time of all threads that a living process has had, by its own clock: clock_getcpuclockid(3)."""
    return time.clock_gettime_ns(~pid << 3 | 2)


def children_nanoseconds() -> int:
    """Of children that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((ended.ru_utime + ended.ru_stime) * 1e9)
