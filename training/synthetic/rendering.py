"""Rendering a set of crops: worker processes, a shard each at a time, continued where a run was cut.

A crop depends on the recipe and its number alone, so the shards are the same bytes for any number of workers and
however often the work was interrupted. `dataset.json` is written before the first shard and after every one.
"""

from __future__ import annotations

import fcntl
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from training.data_error import DataError
from training.synthetic.clock import StageTime, merged
from training.synthetic.crew import Crew, Worker
from training.synthetic.dataset import CARD_NAME, DatasetCard, check_shard
from training.synthetic.opening import Opening
from training.synthetic.recipe import Recipe
from training.synthetic.render_worker import Finished, Made, Ready
from training.synthetic.rendering_report import RenderingReport
from training.synthetic.shard_form import PictureShards, ShardForm
from training.synthetic.shards import ShardError
from training.synthetic.whole_file import StorageError, parts_in

log = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]
"""Called as progress(crops done, crops in all, what to say)."""


class RenderingError(DataError):
    """A set cannot be rendered or continued; the text says why and what to do. Finished shards are whole."""


def render(
    recipe: Recipe,
    out: Path,
    *,
    opening: Opening,
    form: ShardForm | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> RenderingReport:
    """Make what is missing of the set in `out`, and say how long each stage took. `form`: PictureShards if left out.

    RenderingError where the folder holds another set or is in use; crew.CrewError where a worker fails, with its cause
    (a full disk, bad data, its traceback). KeyboardInterrupt leaves the finished shards whole, as every error does.
    """
    if workers < 1:
        raise RenderingError(f"workers must be at least 1, got {workers}")
    with _alone_in(out):
        run = _Run(recipe, out, form or PictureShards(), progress)
        if run.missing:
            run.make(opening, min(workers, len(run.missing)))
        return run.report(workers)


class _Run:
    """One call of `render`: what is done, what is missing, what it has cost."""

    def __init__(self, recipe: Recipe, out: Path, form: ShardForm, progress: Progress | None) -> None:
        self._recipe, self._out, self._form, self._progress = recipe, out, form, progress
        self._started_s = time.monotonic()
        self._ready_s: float | None = None
        self._card = _card_in(out, recipe, form)
        self.missing = deque(number for number in range(recipe.shards) if not self._is_finished(number))
        if self._card:
            self._card.write(out)  # with what was found again, without what was damaged
        self._finished: list[Finished] = []
        self._memory_mb: dict[Worker, tuple[float, float]] = {}
        self._in_work: dict[Worker, int] = {}
        self._crops_before = recipe.count - sum(len(recipe.numbers_of(number)) for number in self.missing)

    def make(self, opening: Opening, workers: int) -> None:
        with Crew(opening, recipe=self._recipe, out=self._out, form=self._form, size=workers) as crew:
            for worker, report in crew.reports():
                if isinstance(report, Ready):
                    self._check_versions(dict(report.made_with))
                elif isinstance(report, Finished):
                    self._add(worker, report)
                self._in_work[worker] = report.crops if isinstance(report, Made) else 0
                self._tell()
                if not isinstance(report, Made):
                    crew.give(worker, self.missing.popleft() if self.missing else None)

    def report(self, workers: int) -> RenderingReport:
        wall_s = time.monotonic() - self._started_s
        stages: tuple[StageTime, ...] = merged(finished.times for finished in self._finished)
        first_mb, last_mb = zip(*self._memory_mb.values(), strict=True) if self._memory_mb else ((0.0,), (0.0,))
        return RenderingReport(
            crops=self._recipe.count,
            rendered=sum(finished.shard.crops for finished in self._finished),
            workers=workers,
            wall_s=wall_s,
            start_s=wall_s if self._ready_s is None else self._ready_s,
            bytes=sum(finished.shard.bytes for finished in self._finished),
            stages=stages,
            memory_mb=(max(first_mb), max(last_mb)),
        )

    def _is_finished(self, number: int) -> bool:
        """Whether a shard needs no work: its bytes are those written, or a run was killed just before it said so."""
        name = self._form.name(number)
        path, listed = self._out / name, self._card and self._card.shard(name)
        if not listed and not path.exists():
            return False
        try:
            if listed:
                check_shard(path, listed)
            elif self._card:
                self._card = self._card.with_shard(self._form.recovered(path, self._recipe.numbers_of(number)))
        except ShardError as error:
            log.warning("%s", error)
            self._card = self._card and self._card.without_shard(name)
            return False
        return True

    def _check_versions(self, made_with: dict[str, str]) -> None:
        if self._ready_s is None:
            self._ready_s = time.monotonic() - self._started_s
        if self._card is None:
            self._card = DatasetCard(self._recipe, made_with)
            self._card.write(self._out)
        _refuse_others(self._out, dict(self._card.made_with), now=made_with)

    def _add(self, worker: Worker, finished: Finished) -> None:
        assert self._card is not None
        self._card = self._card.with_shard(finished.shard)
        self._card.write(self._out)
        self._finished.append(finished)
        first_mb, _ = self._memory_mb.get(worker, (finished.memory_mb, 0.0))
        self._memory_mb[worker] = (first_mb, finished.memory_mb)

    def _tell(self) -> None:
        if self._progress is None or self._ready_s is None:
            return
        made = sum(finished.shard.crops for finished in self._finished) + sum(self._in_work.values())
        rate = made / max(time.monotonic() - self._started_s - self._ready_s, 1e-3)
        self._progress(self._crops_before + made, self._recipe.count, f"{rate:.1f} crops/s" if made else "starting")


def _card_in(out: Path, recipe: Recipe, form: ShardForm) -> DatasetCard | None:
    """The card of a set that is continued; None where the folder holds none yet."""
    if (out / CARD_NAME).exists():
        card = DatasetCard.read(out)
        _refuse_others(out, asdict(card.recipe), now=asdict(recipe))
        return card
    if next(out.glob(form.pattern), None):
        raise RenderingError(
            f"{out} holds shards but no {CARD_NAME} that says how they were made; use another --out, or empty it"
        )
    return None


def _refuse_others(out: Path, before: dict[str, object], *, now: dict[str, object] | dict[str, str]) -> None:
    names = dict.fromkeys((*before, *now))
    changed = [
        f"{name} {before.get(name)!r}, not {now.get(name)!r}" for name in names if before.get(name) != now.get(name)
    ]
    if changed:
        raise RenderingError(
            f"{out} was begun with {', '.join(changed)}; use another --out, or the settings it was begun with"
        )


@contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Only one rendering at a time; what killed ones left half written is removed."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = (out / ".lock").open("wb")
    except OSError as error:
        raise StorageError.of(out, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RenderingError(f"{out}: another rendering writes here; wait for it or use another --out") from error
        _remove_parts(out)
        try:
            yield
        finally:
            _remove_parts(out)


def _remove_parts(out: Path) -> None:
    for part in parts_in(out):
        part.unlink(missing_ok=True)
