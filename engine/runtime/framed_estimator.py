"""The Di2Pose estimator on fused graphs that take whole frames: crops are cut where the network runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.blazepose.networks import LANDMARK_SIZE_PX
from engine.blazepose.uncut import UncutPerson
from engine.blazepose.warp import place_parts
from engine.body.camera import Camera
from engine.body.crop import PersonCrop, Region, SeenPerson
from engine.body.pose import PersonPose
from engine.body.virtual_camera import VirtualView
from engine.runtime.backend import Backend, BackendError
from engine.runtime.di2pose_estimator import NAME
from engine.runtime.estimator import Estimator
from engine.runtime.fused_estimator import check_takes, poses_placed
from engine.runtime.fused_inputs import FRAME, PLACE_PARTS, ViewNumbers
from engine.runtime.graph_name import SizeWh
from engine.runtime.hypothesis_noise import NOISE, noise_for
from engine.runtime.networks import Choices


class FrameSizeError(BackendError):
    """No engine takes frames of this size, and none takes crops; the text names the command that builds one."""


class FramedEstimator:
    """The same poses as `FusedEstimator` of crops that were cut before, whose name it bears.

    framed: fused graphs by the width and height of the frames that they take (`engine.build.fused`); they belong to the
    caller. otherwise: takes people out of frames of other sizes, and people who are cut already; that is said once per
    size. None: FrameSizeError for those. Keeps nothing between frames. BackendError where a graph is another one.
    """

    name = NAME
    crop_size_px = LANDMARK_SIZE_PX

    def __init__(
        self, framed: Mapping[SizeWh, Backend], weights: str, *, otherwise: Estimator | None, hypotheses: int = 0
    ) -> None:
        for frame_wh, backend in framed.items():
            _check(backend, frame_wh)
        self._framed, self._otherwise, self.weights = dict(framed), otherwise, weights
        self._noise = {frame_wh: noise_for(backend) for frame_wh, backend in framed.items()}
        self._hypotheses = hypotheses
        self._choices = Choices()

    def poses(self, crops: Sequence[SeenPerson], camera: Camera) -> list[PersonPose]:
        """One pose per person, in the same order; all of one frame."""
        if not crops:
            return []
        frame_rgb = _frame_of(crops)
        size_wh = None if frame_rgb is None else (frame_rgb.shape[1], frame_rgb.shape[0])
        if frame_rgb is None or size_wh not in self._framed:
            return self._from_crops(crops, camera, size_wh)
        views = [VirtualView.of(camera, crop.frame_from_crop, self.crop_size_px) for crop in crops]
        outputs = self._framed[size_wh].run(
            {
                FRAME: frame_rgb[None],
                PLACE_PARTS: np.stack([place_parts(crop.frame_from_crop, self.crop_size_px) for crop in crops]),
                NOISE: self._noise[size_wh],
                **ViewNumbers.stacked(views),
            }
        )
        return poses_placed(outputs, crops, views, hypotheses=self._hypotheses)

    def warm_up(self) -> None:
        """Runs every graph once, on pictures of nobody."""
        for width, height in self._framed:
            blank = np.zeros((height, width, 3), np.uint8)
            whole = Region((width / 2, height / 2), float(height))
            self.poses([UncutPerson(0, blank, whole, self.crop_size_px)], Camera.from_fov((width, height)))
        if self._otherwise is not None:
            blank = np.zeros((self.crop_size_px, self.crop_size_px, 3), np.uint8)
            size_wh = (self.crop_size_px, self.crop_size_px)
            self._otherwise.poses([PersonCrop(0, blank, np.eye(2, 3))], Camera.from_fov(size_wh))

    def forget(self, person_id: int) -> None:
        """Nothing is kept here."""
        if self._otherwise is not None:
            self._otherwise.forget(person_id)

    def _from_crops(self, crops: Sequence[SeenPerson], camera: Camera, size_wh: SizeWh | None) -> list[PersonPose]:
        taken = " and ".join(map(_written, self._framed))
        shown = "crops" if size_wh is None else f"frames of {_written(size_wh)}"
        build = "" if size_wh is None else f" --frame {_written(size_wh)}"
        build = f"`di2pose build --graph fused{build}`"
        if self._otherwise is None:
            raise FrameSizeError(
                f"the engines in use take frames of {taken} and no {shown}; build one with {build}, or use "
                f"--backend auto, which runs on the CPU what no engine takes"
            )
        if size_wh is not None:
            self._choices.say(
                f"fused: people in {shown} are cut out on the CPU, as the engines take frames of {taken}; {build} "
                f"builds one for these"
            )
        return self._otherwise.poses(crops, camera)


def _frame_of(crops: Sequence[SeenPerson]) -> NDArray[np.uint8] | None:
    """The frame that everybody is in; None where somebody is cut out already."""
    uncut = [crop for crop in crops if isinstance(crop, UncutPerson)]
    if len(uncut) < len(crops):
        return None
    assert all(crop.frame_rgb is uncut[0].frame_rgb for crop in uncut), "people of one frame are estimated together"
    return uncut[0].frame_rgb


def _check(backend: Backend, frame_wh: SizeWh) -> None:
    check_takes(backend, {FRAME, PLACE_PARTS, *ViewNumbers.NAMES, NOISE}, f" --frame {_written(frame_wh)}")
    (shape,) = (info.shape for info in backend.inputs if info.name == FRAME)
    if shape != (1, frame_wh[1], frame_wh[0], 3):
        raise BackendError(
            f"a fused graph for frames of {_written(frame_wh)} takes them as {(1, frame_wh[1], frame_wh[0], 3)}, this "
            f"one as {shape}; build it again with `di2pose build --graph fused --frame {_written(frame_wh)}`"
        )


def _written(size_wh: SizeWh) -> str:
    return f"{size_wh[0]}x{size_wh[1]}"
