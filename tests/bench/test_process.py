"""CPU time and memory as /proc tells them."""

import os
import subprocess
import sys

from bench.process import Process, cpu_seconds_in

BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint('done', flush=True)\ninput()"


def test_user_and_system_time_whatever_the_program_is_called() -> None:
    ticks = os.sysconf("SC_CLK_TCK")
    line = f"7 (odd) 9 name) S 1 2 3 4 5 6 70 80 90 100 {3 * ticks} {2 * ticks} 11000 12000 20 0 1 0 99 0 0"
    assert cpu_seconds_in(line) == 5.0


def test_descendants_count() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        both, own = Process(os.getpid()), Process(child.pid)
        # Ours grows while we look, the child's does not: it waits for its input.
        before = time_of_this_alone()
        assert both.cpu_seconds() >= before + 0.25
        assert own.cpu_seconds() >= 0.25
        assert both.memory() > own.memory() > 1
        child.communicate()


def test_what_has_ended_has_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        ended = Process(child.pid)
        assert ended.memory() == 0  # it is still there, to be asked for its status
    assert (ended.cpu_seconds(), ended.memory()) == (0, 0)


def test_the_peak_is_what_was_held_since_it_was_forgotten() -> None:
    own, much = Process(os.getpid()), 64 << 20
    hold(much)
    own.forget_peak()
    forgotten = own.peak_memory()
    assert forgotten < own.memory() + 32
    hold(much)
    assert own.peak_memory() >= forgotten + 60
    assert own.memory() < forgotten + 32


def hold(size: int) -> None:
    """Memory that is really there, and given back at once: so large a piece is a mapping of its own."""
    held = bytearray(b"x") * size
    assert len(held) == size


def time_of_this_alone() -> float:
    with open("/proc/self/stat") as stat:
        return cpu_seconds_in(stat.read())
