"""The worker processes of a rendering: started, fed, watched, and gone when the block ends."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Self

from training.data_error import DataError
from training.synthetic.opening import Opening
from training.synthetic.recipe import Recipe
from training.synthetic.render_worker import Failed, Finished, Made, Ready, work
from training.synthetic.shard_form import ShardForm

_GOODBYE_S = 20.0


class CrewError(DataError):
    """A worker process failed; the text is its error, with the traceback where the error was not foreseen."""


@dataclass(frozen=True, slots=True, eq=False)
class Worker:
    process: BaseProcess
    pipe: Connection


class Crew:
    """Context manager; of one thread. Workers are spawned, not forked: a graphics driver does not survive a fork."""

    def __init__(self, opening: Opening, *, recipe: Recipe, out: Path, form: ShardForm, size: int) -> None:
        self._out = out
        self._workers: list[Worker] = []
        self._task = (opening, recipe, out, form)
        self._size = size

    def __enter__(self) -> Self:
        context = multiprocessing.get_context("spawn")
        opening, recipe, out, form = self._task
        try:
            for number in range(self._size):
                ours, theirs = context.Pipe()
                process = context.Process(
                    target=work,
                    args=(theirs, opening),
                    kwargs={"recipe": recipe, "out": out, "form": form},
                    name=f"render-{number}",
                    daemon=True,
                )
                process.start()
                theirs.close()  # else the end of the worker would not be seen
                self._workers.append(Worker(process, ours))
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def give(self, worker: Worker, shard: int | None) -> None:
        """The next shard, or None: there is none left. A worker that is gone is noticed by `reports`."""
        try:
            worker.pipe.send(shard)
        except BrokenPipeError as error:
            raise _died(worker) from error
        if shard is None:
            self._workers.remove(worker)
            worker.process.join(_GOODBYE_S)
            worker.pipe.close()

    def reports(self) -> Iterator[tuple[Worker, Ready | Made | Finished]]:
        """What the workers say, until every one was given None. CrewError where one fails or dies."""
        while self._workers:
            said = wait([worker.pipe for worker in self._workers])
            for worker in [worker for worker in self._workers if worker.pipe in said]:
                yield worker, _report(worker)

    def _end(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join(_GOODBYE_S)
            worker.pipe.close()
        self._workers.clear()


def _report(worker: Worker) -> Ready | Made | Finished:
    try:
        report = worker.pipe.recv()
    except (EOFError, ConnectionResetError) as error:
        raise _died(worker) from error
    if isinstance(report, Failed):
        raise CrewError(f"{report.text}\n{report.trace}".strip())
    assert isinstance(report, Ready | Made | Finished)
    return report


def _died(worker: Worker) -> CrewError:
    worker.process.join(_GOODBYE_S)
    code = worker.process.exitcode
    if code is not None and code < 0:
        how = f"was ended by {signal.Signals(-code).name}"
        cure = "out of memory ends processes so: use fewer --workers"
    else:
        how, cure = f"ended with code {code}", "what it wrote before on the terminal says why"
    return CrewError(
        f"worker process {worker.process.name} {how}; {cure}. Finished shards are whole: the same command continues"
    )
