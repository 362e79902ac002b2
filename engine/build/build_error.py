"""What stands between a graph and its plan."""

from __future__ import annotations


class BuildError(RuntimeError):
    """A plan cannot be built; the text names cause and cure."""


class ParityError(BuildError):
    """A graph in its new precision moves joints further than allowed; nothing was built."""
