"""Progress bars on the terminal."""

from __future__ import annotations

from collections.abc import Iterator
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
