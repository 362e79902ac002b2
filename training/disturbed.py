"""What is left of a pose when some of its tokens are drawn anew: error, and whether it is still a human body."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.baseline_tokenizers import PoseTokens
from training.cmu import F32
from training.joint_limits import plausible
from training.metrics import mpjpe_mm

SHARES = (0.0, 0.1, 0.3)


@dataclass(frozen=True, slots=True)
class Disturbed:
    """`plausible_share` is the share of decoded poses whose bones and joint angles are within human limits."""

    share: float
    mpjpe_mm: float
    plausible_share: float


def resampled(indices: Tensor, codes: int, *, share: float, generator: torch.Generator) -> Tensor:
    """(pose, token) with round(share * tokens) tokens of every pose replaced by ones drawn evenly from all codes."""
    count = round(share * indices.shape[1])
    rows = torch.rand(indices.shape, generator=generator).argsort(dim=1)[:, :count]
    return indices.scatter(1, rows, torch.randint(codes, rows.shape, generator=generator))


@torch.no_grad()
def disturbed(tokenizer: PoseTokens, poses_mm: F32, *, seed: int = 0, batch: int = 1024) -> list[Disturbed]:
    """One row per share of `SHARES`; the same tokens of the same poses are hit for the same seed."""
    indices = torch.cat([tokenizer.encode(part) for part in torch.split(torch.from_numpy(poses_mm), batch)])
    found = []
    for share in SHARES:
        generator = torch.Generator().manual_seed(seed)
        hit = resampled(indices, tokenizer.codes, share=share, generator=generator)
        decoded = torch.cat([tokenizer.decode(part) for part in torch.split(hit, batch)]).numpy()
        found.append(Disturbed(share, mpjpe_mm(decoded, poses_mm), float(plausible(decoded).mean())))
    return found
