from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from small_source import SmallSource

from engine.body.crop import inverted, transformed
from engine.body.skeleton import H36M17
from training.synthetic.scene import Crop
from training.synthetic.sheet import sheet, with_joints, write_sheet
from training.synthetic.whole_file import StorageError


@pytest.fixture(scope="module")
def crops() -> list[Crop]:
    source = SmallSource()
    return [source.crop(number) for number in range(5)]


def test_crops_stand_in_rows(crops: list[Crop]) -> None:
    picture = sheet(crops, columns=3)
    assert picture.shape == (512, 768, 3)
    assert (picture[256:, 256:512] == with_joints(crops[4])).all()
    assert not picture[256:, 512:].any()


def test_visible_joints_are_discs_and_hidden_ones_rings(crops: list[Crop]) -> None:
    """The wrist ends a chain: nothing but its own mark lies on it, apart from the last pixels of its bone."""
    row = H36M17.row("left_wrist")
    for crop in crops:
        x, y = np.rint(transformed(crop.joints_px, inverted(crop.frame_from_crop))[row]).astype(int)
        if crop.visible[row] and min(x, y) >= 5 and max(x, y) < 251:
            hidden = replace(crop, visible=np.zeros(17, bool))
            disc, ring = ((with_joints(one) != crop.image_rgb).any(axis=2) for one in (crop, hidden))
            around = (slice(y - 1, y + 2), slice(x - 1, x + 2))
            assert disc[around].all() and not ring[around].all()
            return
    raise AssertionError("no crop shows the wrist")


def test_a_sheet_is_a_png(crops: list[Crop], tmp_path: Path) -> None:
    write_sheet(crops, tmp_path / "sheet.png")
    assert (cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1] == sheet(crops)).all()
    with pytest.raises(StorageError, match="nowhere"):
        write_sheet(crops, tmp_path / "nowhere" / "sheet.png")
