"""Work for several processes: bounded, in no order, and stopped without leaving anything behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from model.errors import DataError

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")
_FEW = 4
"""So few tasks are done here, before other processes would have started."""
_AHEAD = 2
"""Tasks per process that are under way."""
_LOOK_SECONDS = 0.2


def each(
    work: Callable[[_Task], _Result],
    tasks: Sequence[_Task],
    *,
    workers: int,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[tuple[_Task, _Result]]:
    """`work` of every task with its result, as they are done. What `work` raises is raised here.

    When `cancelled` becomes true, tasks that have begun are finished and no other is begun.

    Raises DataError if a process was ended from outside.
    """
    if workers < 2 or len(tasks) <= _FEW:
        for task in tasks:
            if cancelled():
                return
            yield task, work(task)
        return
    waiting = list(reversed(tasks))
    under_way: dict[Future[_Result], _Task] = {}
    # Spawned and not forked: a fork of a process with TensorFlow's threads may hang.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        with one_thread_each():
            while waiting or under_way:
                while waiting and len(under_way) < workers * _AHEAD and not cancelled():
                    task = waiting.pop()
                    under_way[pool.submit(work, task)] = task
                if cancelled():
                    waiting.clear()
                done, _ = wait(under_way, timeout=_LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in done:
                    yield under_way.pop(future), future.result()
    except BrokenProcessPool as error:
        raise DataError(
            "one of the processes that read the music was ended",
            rule="mostly the machine has run out of memory",
            next_step="Start it again: what is done is kept",
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    # Ctrl-C reaches all processes of a terminal; when to stop is for the first one to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    """A process that was killed cannot tell those that work for it; without this they would wait for ever."""
    parent.join()
    os._exit(1)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Processes that start meanwhile multiply matrices with one thread: there are as many of them as cores."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
