"""From the paper's recipe to ours, one change after the other, at our size: what each change is worth."""

from __future__ import annotations

from dataclasses import replace

from engine.model.config import LocalMlpConfig, ModelConfig, OptimiserConfig, TokenizerTrainingConfig

PAPER_TRAINING = TokenizerTrainingConfig(
    OptimiserConfig(lr=1e-3, weight_decay=0.15, beta1=0.9, beta2=0.999, batch=256, epochs=20), loss="l1"
)
"""Table of the paper's stage 1: L1, AdamW, a constant learning rate, no average of the weights."""
PAPER_WIDTH = 200
"""Four and one Local-MLP blocks of this width have as many weights as `tokenizer100`."""


def recipes(ours: ModelConfig) -> dict[str, ModelConfig]:
    """By name, in order; the last one is `ours`."""
    calm = replace(ours.tokenizer, corrupt_poses=0.0, corrupt_share=0.0)
    without_bones = replace(ours.tokenizer_training, bone_weight=0.0)
    paper_blocks = replace(
        calm,
        layout="joints",
        stages=1,
        mix_channels=0,
        scale_mm=1000.0,
        encoder=LocalMlpConfig(blocks=4, channels=PAPER_WIDTH),
        decoder=LocalMlpConfig(blocks=1, channels=PAPER_WIDTH),
    )
    own_training = replace(ours, tokenizer_training=without_bones)
    wide = LocalMlpConfig(blocks=2, channels=352, mlp_ratio=2)
    one_stage = replace(calm, stages=1, encoder=wide, decoder=wide)
    return {
        "paper's blocks, loss and schedule": replace(ours, tokenizer=paper_blocks, tokenizer_training=PAPER_TRAINING),
        "+ loss in mm, warm-up and cosine, average": replace(
            own_training, tokenizer=replace(paper_blocks, scale_mm=calm.scale_mm)
        ),
        "+ whole-pose networks": replace(own_training, tokenizer=one_stage),
        "+ second stage on what the first missed": replace(own_training, tokenizer=calm),
        "+ disturbed tokens": replace(ours, tokenizer_training=without_bones),
        "+ bone lengths in the loss (ours)": ours,
    }
