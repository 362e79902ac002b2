"""Why a measurement of speed came to nothing."""

from __future__ import annotations


class BenchError(RuntimeError):
    """The measurement did not come about; the text says why."""
