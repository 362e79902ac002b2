"""The tokenizer as two ONNX graphs, so that it runs without torch.

`encoder`: joints_mm (batch, 17, 3) float32 -> tokens (batch, token) int64.
`decoder`: tokens (batch, token) int64 -> joints_mm (batch, 17, 3) float32, row 0 zero.
The batch is free. Law: onnxruntime gives what torch gives.
"""

from __future__ import annotations

import logging
from pathlib import Path

import onnx
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from engine.model.bottleneck import JOINTS
from engine.model.tokenizer import Tokenizer

log = logging.getLogger(__name__)

ENCODER, DECODER = "tokenizer_encoder.onnx", "tokenizer_decoder.onnx"
OPSET = 20


class _Encode(nn.Module):
    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer

    def forward(self, joints_mm: Float[Tensor, "batch joint 3"]) -> Int[Tensor, "batch token"]:
        return self.tokenizer.encode(joints_mm)


class _Decode(nn.Module):
    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer

    def forward(self, tokens: Int[Tensor, "batch token"]) -> Float[Tensor, "batch joint 3"]:
        return self.tokenizer.decode(tokens)


def export_tokenizer(tokenizer: Tokenizer, directory: Path) -> tuple[Path, Path]:
    """Writes both graphs into `directory` and returns their paths, encoder first. Leaves the tokenizer in eval mode."""
    tokenizer.eval()
    directory.mkdir(parents=True, exist_ok=True)
    joints_mm = torch.zeros(2, JOINTS, 3)
    tokens = torch.zeros(2, tokenizer.tokens, dtype=torch.long)
    encoder = _export(_Encode(tokenizer), joints_mm, directory / ENCODER, names=("joints_mm", "tokens"))
    decoder = _export(_Decode(tokenizer), tokens, directory / DECODER, names=("tokens", "joints_mm"))
    return encoder, decoder


def _export(module: nn.Module, example: Tensor, path: Path, *, names: tuple[str, str]) -> Path:
    program = torch.onnx.export(
        module.eval(),
        (example,),
        input_names=[names[0]],
        output_names=[names[1]],
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=65536)},),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError(
            f"torch.onnx.export gave no program for {path.name}; check the installed torch and onnxscript"
        )
    model = program.model_proto
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    log.info("wrote %s, %d bytes", path, path.stat().st_size)
    return path
