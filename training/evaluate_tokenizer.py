"""How well a tokenizer gives held-out poses back: for `di2pose evaluate tokenizer` and the card of a checkpoint."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from engine.model import checkpoint
from engine.model.checkpoint import Checkpoint
from engine.model.config import ModelConfig
from engine.model.tokenizer import Tokenizer
from training.augment import mirrored_joints_mm
from training.cmu import F32, TEST_SUBJECTS, BoneMotion
from training.metrics import mpjpe_mm, pa_mpjpe_mm
from training.pose_stream import held_out_poses

DATA = "CMU motion capture (mocap.cs.cmu.edu, NSF EIA-0196217), BVH conversion by B. Hahne"
LICENCE = "Apache-2.0; the recordings are free for research and commercial use"


@dataclass(frozen=True, slots=True)
class TokenizerReport:
    """Errors in mm over all frames of the held-out subjects, on bodies of proportions that training never drew."""

    mpjpe_mm: float
    pa_mpjpe_mm: float
    mirrored_mpjpe_mm: float
    """The same poses in the mirror; within 5 % of `mpjpe_mm` where nothing favours a side."""
    worst_joint_mm: float
    """Mean error of the joint with the largest one."""
    tokens: int
    codes: int
    frames: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_tokenizer(tokenizer: Tokenizer, motion: BoneMotion) -> TokenizerReport:
    """Reconstruct every held-out frame of `motion` and its mirror image; the network is left in evaluation mode."""
    tokenizer.eval()
    poses = held_out_poses(motion)
    found = reconstructed_mm(tokenizer, poses)
    mirrored = np.ascontiguousarray(mirrored_joints_mm(poses))
    return TokenizerReport(
        mpjpe_mm=mpjpe_mm(found, poses),
        pa_mpjpe_mm=pa_mpjpe_mm(found, poses),
        mirrored_mpjpe_mm=mpjpe_mm(reconstructed_mm(tokenizer, mirrored), mirrored),
        worst_joint_mm=float(np.linalg.norm(found - poses, axis=-1).mean(axis=0).max()),
        tokens=tokenizer.tokens,
        codes=tokenizer.codes,
        frames=len(poses),
    )


@torch.no_grad()
def reconstructed_mm(tokenizer: Tokenizer, poses_mm: F32, *, batch: int = 1024) -> F32:
    """(frame, 17, 3) poses to token indices and back."""
    device = next(tokenizer.parameters()).device
    parts = [
        tokenizer.decode(tokenizer.encode(torch.from_numpy(poses_mm[row : row + batch]).to(device))).cpu().numpy()
        for row in range(0, len(poses_mm), batch)
    ]
    return np.concatenate(parts)


def shipped_tokenizer(name_or_path: str) -> tuple[ModelConfig, Tokenizer]:
    """A trained tokenizer by its shipped name or its checkpoint directory; CheckpointError says what is wrong."""
    stored = checkpoint.read(name_or_path)
    tokenizer = Tokenizer(stored.config.tokenizer)
    checkpoint.load_state("tokenizer", tokenizer, stored.part("tokenizer"))
    return stored.config, tokenizer.eval()


def tokenizer_checkpoint(
    config: ModelConfig, tokenizer: Tokenizer, *, report: TokenizerReport, command: str, seed: int, steps: int
) -> Checkpoint:
    """What is written to disk, with the card's facts."""
    card = {
        "data": f"{DATA}; trained on all subjects but {', '.join(sorted(TEST_SUBJECTS))}",
        "licence": LICENCE,
        "command": command,
        "seed": seed,
        "steps": steps,
        "held_out": {
            name: round(value, 3) if isinstance(value, float) else value for name, value in report.as_dict().items()
        },
    }
    tensors = checkpoint.in_half({f"tokenizer.{name}": value for name, value in tokenizer.state_dict().items()})
    return Checkpoint(config, tensors, card)
