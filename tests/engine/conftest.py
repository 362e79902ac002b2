"""What tests of several parts of the engine need: the graph of a small live model, exported once."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> tuple[Path, Path]:
    """A checkpoint and the ONNX graph of it; skipped without torch's exporter."""
    pytest.importorskip("onnxscript", reason="torch's exporter needs onnxscript")
    from exported_live import exported_graph, stored

    directory = stored(tmp_path_factory.mktemp("live") / "finished")
    return directory, exported_graph(directory, repo_root)
