"""Tasks that need one another, done here or in several processes that end with this one."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from graphlib import TopologicalSorter
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

Result = TypeVar("Result")
Done = Callable[[int], None]
Task = Callable[[Done], Result]


def results(
    tasks: Mapping[str, Task[Result]], needs: Mapping[str, Sequence[str]], workers: int, done: Done
) -> Generator[tuple[str, Result], None, None]:
    """Do tasks, each after those that it needs, and yield each with its result as soon as it is there.

    A task counts as done when the next result is asked for, so that what its result is used for comes before the
    tasks that need it. Close the iterator, and the processes are gone.

    Args:
        tasks: By name; called with ``done``. For several workers they are pickled.
        needs: Names of tasks that come before a task.
        workers: How many tasks are done at once: 1 in this process, more in fresh processes (spawned, as neither
            torch nor threads survive a fork) that share the cores.
        done: Is told what the tasks tell.

    Raises:
        ValueError: If tasks need each other in a circle.
        ChildProcessError: If a process dies, such as for want of memory.
        Exception: What a task raised.
    """
    order = TopologicalSorter({name: needs[name] for name in tasks})
    if workers == 1:
        for name in order.static_order():
            yield name, tasks[name](done)
        return
    order.prepare()
    waiting: list[str] = []
    staff: dict[Connection, BaseProcess] = {}
    busy: dict[Connection, str] = {}
    try:
        while order.is_active():
            waiting += order.get_ready()
            while waiting and len(busy) < workers:
                connection = next((one for one in staff if one not in busy), None) or _hire(staff, workers)
                busy[connection] = waiting.pop(0)
                _or_died(staff[connection], busy[connection], partial(connection.send, tasks[busy[connection]]))
            for connection in [one for one in wait(list(busy)) if isinstance(one, Connection)]:
                kind, answer = _or_died(staff[connection], busy[connection], connection.recv)
                if kind == "done":
                    done(answer)
                elif kind == "raised":
                    raise answer
                else:
                    name = busy.pop(connection)
                    yield name, answer
                    order.done(name)
    finally:
        for process in staff.values():
            process.kill()   # nothing to tidy: who asked for the tasks removes what they leave
        for connection, process in staff.items():
            process.join()
            connection.close()


def _hire(staff: dict[Connection, BaseProcess], workers: int) -> Connection:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, max(1, (os.cpu_count() or 1) // workers)), daemon=True)
    process.start()
    theirs.close()   # the process holds the only copy: when it dies, we read the end of the pipe
    staff[ours] = process
    return ours


def _or_died(process: BaseProcess, name: str, talk: Callable[[], Any]) -> Any:
    try:
        return talk()
    except (EOFError, ConnectionError) as error:
        process.join()
        raise ChildProcessError(f"the process that made {name} died with exit code {process.exitcode}") from error


def _serve(connection: Connection, threads: int) -> None:
    """Do tasks until the other end is closed, which it also is when the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)   # Ctrl-C reaches all processes of a terminal: the parent decides
    os.environ["OMP_NUM_THREADS"] = str(threads)   # before a task imports torch or numpy
    with suppress(EOFError, ConnectionError):
        while True:
            task = connection.recv()
            try:
                answer = "result", task(partial(_tell, connection))
            except Exception as error:
                answer = "raised", _portable(error)
            connection.send(answer)


def _tell(connection: Connection, number: int) -> None:
    connection.send(("done", number))


def _portable(error: Exception) -> Exception:
    """An error that survives the way to another process, with the place where it was raised."""
    text = traceback.format_exc()
    error.add_note(text)
    try:
        pickle.loads(pickle.dumps(error))   # noqa: S301 our own bytes
    except Exception:   # an error can refuse in any way
        return RuntimeError(text)
    return error
