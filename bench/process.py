"""A server under measurement: what its processes took of the CPU, and what they hold of the memory."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    """One process with its descendants: a server may have workers."""

    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of all threads up to now, in steps of the kernel's clock tick, 10 ms as a rule."""
        return sum(cpu_seconds_in(stat) for stat in self._told("stat"))

    def memory(self) -> float:
        """Resident memory in MiB. Pages that processes share count for each of them."""
        return sum(_mebibytes(status, "VmRSS") for status in self._told("status"))

    def forget_peak(self) -> None:
        """From here on `peak_memory` counts."""
        for pid in self._family():
            (_proc(pid) / "clear_refs").write_text("5")  # proc(5): the peak becomes what is resident now

    def peak_memory(self) -> float:
        """The most that was resident since, in MiB."""
        return sum(_mebibytes(status, "VmHWM") for status in self._told("status"))

    def _told(self, file: str) -> list[str]:
        """The file of each process that is still there."""
        return [text for pid in self._family() if (text := _read(_proc(pid) / file))]

    def _family(self) -> list[int]:
        family = [self.pid]
        for pid in family:  # grows meanwhile
            tasks = _proc(pid) / "task"
            for task in tasks.iterdir() if tasks.exists() else ():
                family += map(int, _read(task / "children").split())
        return family


def _read(path: Path) -> str:
    """Empty where the thread or the process has ended since it was found."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return path.read_text()
    return ""


def cpu_seconds_in(stat: str) -> float:
    """User and system time in the line of /proc/PID/stat (proc(5)), of the process's threads, without its children."""
    # The second field is the program's name in parentheses, and may hold spaces and parentheses itself.
    fields = stat[stat.rindex(")") + 1 :].split()
    user, system = fields[11], fields[12]  # the 14th and 15th of all
    return (int(user) + int(system)) / _TICKS


def _mebibytes(status: str, field: str) -> float:
    lines = dict(line.split(":", 1) for line in status.splitlines())
    # One that has ended, but whose status nobody has asked for yet, has no memory.
    return int(lines.get(field, "0").split()[0]) / 1024


def _proc(pid: int) -> Path:
    return Path(f"/proc/{pid}")
