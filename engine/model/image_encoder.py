"""What the denoiser needs of an image encoder."""

from __future__ import annotations

from typing import Protocol

from jaxtyping import Float
from torch import Tensor


class ImageEncoder(Protocol):
    """Crops to a feature sequence; frozen in stage 2 of the paper (ViTPose there)."""

    channels: int

    def __call__(
        self, images_rgb: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch condition channel"]: ...
