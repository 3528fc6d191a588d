"""A server under measurement: what its processes took of the CPU, and what they hold of the memory."""

import os
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One process with its descendants: a server may have workers."""

    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of all threads up to now, in steps of the kernel's clock tick, 10 ms as a rule."""
        return sum(cpu_seconds_in((_proc(pid) / "stat").read_text()) for pid in self._family())

    def memory(self) -> float:
        """Resident memory in MiB. Pages that processes share count for each of them."""
        return sum(_mebibytes((_proc(pid) / "status").read_text(), "VmRSS") for pid in self._family())

    def forget_peak(self) -> None:
        """From here on `peak_memory` counts."""
        for pid in self._family():
            (_proc(pid) / "clear_refs").write_text("5")  # proc(5): the peak becomes what is resident now

    def peak_memory(self) -> float:
        """The most that was resident since, in MiB."""
        return sum(_mebibytes((_proc(pid) / "status").read_text(), "VmHWM") for pid in self._family())

    def _family(self) -> list[int]:
        family = [self.pid]
        for pid in family:  # grows meanwhile
            for task in (_proc(pid) / "task").iterdir():
                family += map(int, (task / "children").read_text().split())
        return family


def cpu_seconds_in(stat: str) -> float:
    """User and system time in the line of /proc/PID/stat (proc(5)), of the process's threads, without its children."""
    # The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    fields = stat[stat.rindex(")") + 1 :].split()
    user, system = fields[11], fields[12]  # the 14th and 15th of all
    return (int(user) + int(system)) / _TICKS


def _mebibytes(status: str, field: str) -> float:
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines[field].split()[0]) / 1024


def _proc(pid: int) -> Path:
    return Path(f"/proc/{pid}")
