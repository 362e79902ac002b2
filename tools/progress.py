"""Progress bars on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.blazepose.pip_download import Progress


@contextmanager
def download_bar() -> Iterator[Progress]:
    """A callback that shows a bar from its first call on; nothing is drawn when nothing is downloaded."""
    from rich.progress import Progress as Bar

    with Bar(transient=True) as bar:
        task = bar.add_task("networks", total=None, visible=False)

        def show(text: str, fraction: float | None) -> None:
            total = None if fraction is None else 1.0
            bar.update(task, description=text[:60], completed=fraction or 0.0, total=total, visible=True)

        yield show


@contextmanager
def training_bar() -> Iterator[Callable[[int, int, str], None]]:
    """A callback for steps of training: bar, steps done, time left, last numbers. Silent without a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Bar(*columns, TextColumn("{task.description}")) as bar:
        task = bar.add_task("starting", total=None)

        def show(done: int, steps: int, text: str) -> None:
            bar.update(task, description=text, completed=done, total=steps)

        yield show
