"""The contract between the live line and whatever turns crops of persons into 3D poses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from engine.body.camera import Camera
from engine.body.crop import SeenPerson
from engine.body.pose import PersonPose


class Estimator(Protocol):
    @property
    def name(self) -> str:
        """Stated in every message, e.g. 'blazepose'."""
        ...

    @property
    def weights(self) -> str:
        """Identifies the weights in use, stated in every message."""
        ...

    @property
    def crop_size_px(self) -> int:
        """Side of the square crops that `poses` takes."""
        ...

    def poses(self, crops: Sequence[SeenPerson], camera: Camera) -> list[PersonPose]:
        """One pose per crop, in the same order; `camera` is that of the full frame."""
        ...

    def forget(self, person_id: int) -> None:
        """Free what is kept of this person between frames; unknown ids are fine."""
        ...
