"""The commands around real crops, on a real clip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.data import app
from training.synthetic.pictures import crop_pictures


def test_crops_of_real_people_are_cut_from_clips(shared_dir: Path, networks_dir: Path, tmp_path: Path) -> None:
    clip = shared_dir / "data" / "clips" / "squats_720x1280.mp4"
    result = CliRunner().invoke(app, ["cut-crops", str(clip), str(tmp_path), "--every", "8"])
    assert result.exit_code == 0, result.output
    crops = list(crop_pictures(tmp_path / clip.stem))
    assert 6 <= len(crops) <= 9  # of 65 frames; in the first one she is new
    assert f"{len(crops)} crops" in result.output


def test_a_folder_without_videos_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["cut-crops", str(tmp_path), str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "holds none" in result.output


@pytest.mark.slow
def test_closeness_to_a_real_clip(shared_dir: Path, networks_dir: Path, tmp_path: Path) -> None:
    clip = shared_dir / "data" / "clips" / "squats_720x1280.mp4"
    out = tmp_path / "rows.json"
    result = CliRunner().invoke(app, ["closeness", str(clip), "--every", "4", "--json", str(out)])
    assert result.exit_code == 0, result.output
    found = {(row["features"], row["crops"]): row["kernel_distance"] for row in json.loads(out.read_text())}
    real, drawn = (found["trunk_8 mean", name] for name in ("real: second halves against first", "the bundled clip"))
    assert real < drawn < found["trunk_8 mean", "noise"]
