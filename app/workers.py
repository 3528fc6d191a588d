"""Several processes that serve on one socket: one parent, which starts them, replaces those that die and ends them all.

They are forked, and early: there is no event loop yet, no thread and no connection that a fork would tear in two. What
the parent has loaded and read, settings too, all of them share, also those that come later.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, get_context
from typing import Any

import structlog

PAUSE = 1.0
"""Seconds before the successor of a process that died serves: what dies at once, time and again, must not keep the
machine busy with it."""
END_WITHIN = 8.5
"""Seconds that all have to end, a little more than one needs by itself at most. Those still there are killed."""

_fork = get_context("fork")
_log = structlog.get_logger()


class Place:
    """What a process knows of the others: its number, counted from 1, and the parent's end of two pipes."""

    def __init__(self, number: int, told: Any, lifeline: int) -> None:
        self.number = number
        self._told = told
        self._lifeline = lifeline

    def up(self, stop: Callable[[], None]) -> None:
        """Say that this process serves. `stop` is called if the parent dies, or nobody could stop or replace it."""
        self._told.send(True)
        self._told.close()
        loop = asyncio.get_running_loop()

        def orphaned() -> None:
            loop.remove_reader(self._lifeline)
            _log.error("parent_died", mend="start gatepost again")
            stop()

        loop.add_reader(self._lifeline, orphaned)


class Workers:
    """The parent. `serve` is what each process does, and `up` is told once, when all of them serve."""

    def __init__(self, count: int, serve: Callable[[Place], None], up: Callable[[], None]) -> None:
        self._serve = serve
        self._up = up
        self._new = set(range(1, count + 1))  # those that have never served
        self._running: dict[int, _Worker] = {}
        # Nothing is ever written to it. Its end comes when the last who could write is gone, and that is the parent.
        self._lifeline, self._held = os.pipe()

    def run(self) -> int:
        """Until SIGTERM or SIGINT, or until a process ends without ever having served: the exit status."""
        with _signals(signal.SIGTERM, signal.SIGINT) as signals:
            try:
                status = self._keep(signals)
            finally:
                in_time = self._end()
        return status if in_time else 1

    def _keep(self, signals: connection.Connection) -> int:
        self._start(1)  # alone: what stops one stops all, and need not be said by each
        while True:
            waiting = [end for worker in self._running.values() for end in worker.news]
            if signals in connection.wait([signals, *waiting]):
                return 0
            for number, worker in list(self._running.items()):
                if worker.came_up():
                    self._came_up(number)
                if worker.ended():
                    if number in self._new:
                        return max(worker.process.exitcode or 0, 1)
                    _log.error("process_died", process=number, pid=worker.process.pid, status=worker.process.exitcode)
                    self._start(number, pause=PAUSE)

    def _came_up(self, number: int) -> None:
        if number not in self._new:
            return
        if number == 1:
            for other in self._new - {1}:
                self._start(other)
        self._new.remove(number)
        if not self._new:
            self._up()

    def _start(self, number: int, *, pause: float = 0) -> None:
        reader, told = connection.Pipe(duplex=False)
        place = Place(number, told, self._lifeline)
        process = _fork.Process(target=self._work, args=(place, pause), name=f"worker {number}")
        process.start()
        told.close()
        self._running[number] = _Worker(process, reader)

    def _work(self, place: Place, pause: float) -> None:
        """In the new process, to its end."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.close(self._held)
        try:
            time.sleep(pause)
            self._serve(place)
        except Exception:
            sys.excepthook(*sys.exc_info())  # multiprocessing would print it, text and all
            sys.exit(1)

    def _end(self) -> bool:
        """End those that run; False if one had to be killed."""
        deadline = time.monotonic() + END_WITHIN
        processes = [worker.process for worker in self._running.values()]
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(max(0.0, deadline - time.monotonic()))
        late = [process for process in processes if process.exitcode is None]
        for process in late:
            process.kill()
            process.join()
        return not late


class _Worker:
    """A process, as its parent sees it."""

    def __init__(self, process: Any, told: connection.Connection) -> None:
        self.process = process
        self._told: connection.Connection | None = told

    @property
    def news(self) -> list[Any]:
        """What can be read when it comes up or ends."""
        return [self.process.sentinel, *([self._told] if self._told else [])]

    def came_up(self) -> bool:
        """Whether it has said so since this was asked last."""
        if self._told is None or not self._told.poll():
            return False
        try:
            return bool(self._told.recv())
        except EOFError:  # it ended
            return False
        finally:
            self._told.close()
            self._told = None

    def ended(self) -> bool:
        return self.process.exitcode is not None


@contextmanager
def _signals(*numbers: signal.Signals) -> Iterator[connection.Connection]:
    """A connection that can be read once one of these signals has come."""
    reader, writer = connection.Pipe(duplex=False)
    os.set_blocking(writer.fileno(), False)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    woken = signal.set_wakeup_fd(writer.fileno())
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        reader.close()
        writer.close()
