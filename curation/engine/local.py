"""The default engine: one machine, a process pool over partitions, results in the order of the tasks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from curation.errors import EngineError, UsageError, place

Task = TypeVar("Task")
Result = TypeVar("Result")


def cpus() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0))


class LocalEngine:
    """A pool of `workers` processes; with one, everything runs in this process.

    Workers are spawned, not forked: a forked child of a process with threads (Arrow's, a notebook's) can
    stand still for ever.
    """

    def __init__(self, workers: int) -> None:
        if workers < 1:
            raise UsageError(f"--workers {workers}: at least 1")
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> LocalEngine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def map(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """`function` of each task, in order. A few tasks per worker wait in the queue, not all of them.

        Raises:
            EngineError: a worker process died, most often for lack of memory, or met a defect.
            UsageError: what `function` raised for the first task that failed.
        """
        if self.workers == 1 or len(tasks) < 2:
            yield from map(function, tasks)
            return
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_end_with,
                initargs=(os.getpid(),),
            )
        waiting: list[Future[Result]] = []
        try:
            for task in tasks:
                waiting.append(self._pool.submit(_call, function, task))
                if len(waiting) > 4 * self.workers:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        except BrokenProcessPool:
            raise EngineError(
                "a worker process died, most often for lack of memory; run again with fewer --workers: "
                "finished partitions are kept"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


def _call(function: Callable[[Task], Result], task: Task) -> Result:
    """In a worker: an unexpected error crosses to the parent as its place only."""
    try:
        return function(task)
    except (UsageError, EngineError):
        raise
    except Exception as error:
        if os.environ.get("GOVTUNE_DEBUG"):
            raise
        raise EngineError(f"internal error: {place(error)}") from None


def _end_with(parent: int) -> None:
    """Ctrl-C is the parent's to answer. A worker whose parent was killed would wait for ever: end it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
