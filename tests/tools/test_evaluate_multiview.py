"""`di2pose evaluate multiview` on real views: numbers, pictures, patches that touch the scored view only."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tools.cli import main
from tools.multiview import Asked, moments_of, prepared
from training.calibrated_views import read_recording
from training.data_error import DataError

FRAMES = 12


@pytest.fixture(scope="module")
def desk(shared_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first frames of a recording of a man at his desk, with the timestamps that belong to them."""
    whole, short = shared_dir / "data" / "multiview_desk", tmp_path_factory.mktemp("desk")
    (short / "camera_array.toml").write_bytes((whole / "camera_array.toml").read_bytes())
    head, *lines = (whole / "timestamps.csv").read_text().splitlines()
    first = sorted(lines, key=lambda line: int(line.split(",")[0]))[: FRAMES * 4]
    (short / "timestamps.csv").write_text("\n".join([head, *first]) + "\n")
    for video in whole.glob("cam_*.mp4"):
        source = cv2.VideoCapture(str(video))
        copy = cv2.VideoWriter(str(short / video.name), cv2.VideoWriter.fourcc(*"mp4v"), 6.0, (1280, 720))
        for _ in range(FRAMES):
            copy.write(source.read()[1])
        copy.release()
    return short


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "multiview", *arguments])
    assert ended.value.code is None or isinstance(ended.value.code, int)
    return ended.value.code or 0


def test_the_whole_command(desk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, figures = tmp_path / "numbers.json", tmp_path / "figures"
    asked = ["--every", "2", "--patch", "--json", str(out), "--figures", str(figures), "--estimator", "blazepose"]
    assert run(str(desk), *asked) == 0
    shown = capsys.readouterr().out
    assert "| blazepose | references | coverage % |" in shown and "Calibration: " in shown
    numbers = json.loads(out.read_text(encoding="utf-8"))
    assert numbers["moments"] == 6 and numbers["patch"] and not numbers["smoothing"]
    assert numbers["calibration"]["parallax_deg"] > 45
    assert numbers["references"] > 5 and 20 < numbers["pa_mpjpe_mm"] < numbers["mpjpe_mm"] < 250
    assert sum(view["references"] for view in numbers["per_view"].values()) == numbers["references"]
    assert sum(joint["references"] for joint in numbers["per_joint"].values()) == numbers["references"]
    for picture in [figures / "errors.png", *figures.glob("view_*.png")]:
        image = cv2.imread(str(picture))
        assert image is not None and image.std() > 10


def test_references_are_the_same_with_patches(desk: Path) -> None:
    plain = prepared(desk, Asked(every=6))
    covered = prepared(desk, Asked(every=6, cover="a joint"))
    np.testing.assert_array_equal(plain.references.world_mm, covered.references.world_mm)
    assert plain.patches is None and covered.patches is not None
    assert sum(patch is not None for view in covered.patches for patch in view) >= 6


def test_a_recording_that_cannot_serve_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path)) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and "camera_array.toml" in error and error.count("\n") == 1


def test_pictures_of_another_size_than_calibrated_are_refused(desk: Path, tmp_path: Path) -> None:
    text = (desk / "camera_array.toml").read_text().replace("size = [1280, 720]", "size = [640, 480]", 1)
    (tmp_path / "camera_array.toml").write_text(text)
    for video in desk.glob("cam_*.mp4"):
        (tmp_path / video.name).symlink_to(video)
    with pytest.raises(DataError, match=r"cam_0\.mp4: size: .*1280.*640"):
        moments_of(read_recording(tmp_path), every=1)
