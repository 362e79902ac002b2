from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.data import app


def test_absent_data_ends_with_an_error_that_names_the_page(tmp_path: Path) -> None:

    pytest.importorskip("moderngl", reason="the extra 'data' is not installed")
    result = CliRunner().invoke(app, ["demo-clip", "--data", str(tmp_path), "--out", str(tmp_path / "x.mp4")])
    assert result.exit_code == 2
    assert "docs/data.md" in result.output
    assert not (tmp_path / "x.mp4").exists()
