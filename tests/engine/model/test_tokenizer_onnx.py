"""The exported tokenizer gives in onnxruntime what torch gives, for any batch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from engine.model.checkpoint import Checkpoint, load_state, read, write
from engine.model.config import load
from engine.model.di2pose import build_tokenizer
from engine.model.tokenizer import Tokenizer

pytest.importorskip("onnxscript", reason="torch's exporter needs onnxscript")

EXPORT = """
import sys
from pathlib import Path
from engine.model import checkpoint
from engine.model.di2pose import build_tokenizer
from engine.model.tokenizer_onnx import export_tokenizer
saved = checkpoint.read(Path(sys.argv[1]))
tokenizer = build_tokenizer(saved.config)
checkpoint.load_state("tokenizer", tokenizer, saved.part("tokenizer"))
export_tokenizer(tokenizer, Path(sys.argv[1]))
"""


def poses_mm(count: int) -> torch.Tensor:
    joints = 300 * torch.randn(count, 17, 3, generator=torch.Generator().manual_seed(count))
    return joints - joints[:, :1]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, repo_root: Path) -> tuple[Tokenizer, Path]:
    """Exported by a process of its own: the exporter cannot trace through the tests' shape checks."""
    directory = tmp_path_factory.mktemp("onnx") / "live"
    torch.manual_seed(0)
    config = load("live")
    tokenizer = build_tokenizer(config).eval()
    write(directory, Checkpoint(config, {f"tokenizer.{name}": value for name, value in tokenizer.state_dict().items()}))
    load_state("tokenizer", tokenizer, read(directory).part("tokenizer"))
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    command = [sys.executable, "-c", EXPORT, str(directory)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return tokenizer, directory


def run(path: Path, value: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {session.get_inputs()[0].name: value})
    return output


@pytest.mark.parametrize("count", [1, 2, 7])
def test_encoder_and_decoder_equal_torch(exported: tuple[Tokenizer, Path], count: int) -> None:
    tokenizer, directory = exported
    joints = poses_mm(count)
    with torch.no_grad():
        tokens = tokenizer.encode(joints)
        decoded = tokenizer.decode(tokens)
    ours = run(directory / "tokenizer_encoder.onnx", joints.numpy())
    # A latent on a rounding border may fall to either side in another library's arithmetic.
    assert (ours == tokens.numpy()).mean() > 0.99
    np.testing.assert_allclose(run(directory / "tokenizer_decoder.onnx", tokens.numpy()), decoded.numpy(), atol=0.01)


def test_names_and_shapes_are_the_documented_ones(exported: tuple[Tokenizer, Path]) -> None:
    _, directory = exported
    encoder = onnxruntime.InferenceSession(directory / "tokenizer_encoder.onnx", providers=["CPUExecutionProvider"])
    decoder = onnxruntime.InferenceSession(directory / "tokenizer_decoder.onnx", providers=["CPUExecutionProvider"])
    for session, names in ((encoder, ("joints_mm", "tokens")), (decoder, ("tokens", "joints_mm"))):
        assert (session.get_inputs()[0].name, session.get_outputs()[0].name) == names
        assert isinstance(session.get_inputs()[0].shape[0], str)
