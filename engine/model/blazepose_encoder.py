"""The frozen heavy landmark network as the torch image encoder: an `ImageEncoder`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import torch
from jaxtyping import Float
from torch import Tensor, nn

from engine.blazepose.features import KEPT_MAPS, shape_of
from engine.blazepose.networks import HEAVY, landmark_graph
from engine.model.blazepose_torch import BlazePoseNetwork


class BlazePoseImageEncoder(nn.Module):
    """Crops of 256 x 256 in 0..1 -> one vector per cell of the chosen maps; never trained.

    The maps must have equally many channels, as the trunk's do: 4 + 16 positions of 288 by default.
    """

    def __init__(self, network: BlazePoseNetwork, *, maps: Sequence[str] = KEPT_MAPS) -> None:
        super().__init__()
        channels = {name: shape_of(name)[0] for name in maps}
        if len(set(channels.values())) != 1:
            raise ValueError(f"the maps of one sequence need equally many channels, got {channels or 'no map'}")
        self.maps = tuple(maps)
        self.channels = channels[self.maps[0]]
        self.network = network.requires_grad_(False)

    @classmethod
    def pretrained(cls, directory: Path | None = None, *, maps: Sequence[str] = KEPT_MAPS) -> Self:
        """With the published weights; NetworkFilesError says what to do where they cannot be had."""
        return cls(BlazePoseNetwork(landmark_graph(HEAVY, directory, outputs=tuple(maps))), maps=maps)

    @property
    def positions(self) -> int:
        """Length of the sequence."""
        return sum(shape_of(name)[1] * shape_of(name)[2] for name in self.maps)

    @torch.no_grad()
    def forward(
        self, images_rgb: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch condition channel"]:
        outputs: dict[str, Tensor] = self.network(images_rgb.permute(0, 2, 3, 1))
        return sequence_of({name: outputs[name] for name in self.maps})


def sequence_of(maps: Mapping[str, Float[Tensor, "batch channel height width"]]) -> Tensor:
    """Maps, fresh or stored, one behind the other: (batch, position, channel), row by row inside a map."""
    return torch.cat([each.flatten(2).transpose(1, 2) for each in maps.values()], dim=1)
