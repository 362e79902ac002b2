"""Evaluation of whole models: protocols, tables, files, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import tiny_config, tiny_motion

from engine.body.skeleton import H36M17
from engine.model.checkpoint import CheckpointError
from engine.model.di2pose import build_di2pose
from training.data_directory import DataDirectory
from training.data_error import DataError
from training.evaluate_pose import as_dict, as_markdown, evaluate_pose, load_model
from training.lsp14 import LSP14_ROWS
from training.pose_stream import held_out_poses
from training.protocols import PaperRow, PoseTest, ProtocolError, load_test


def small_test(**changes: object) -> PoseTest:
    poses = np.ascontiguousarray(held_out_poses(tiny_motion())[::10])
    settings = {
        "name": "tiny",
        "joints_mm": poses,
        "actions": ["Walking"] * 4 + ["Sitting"] * (len(poses) - 4),
        "rows": np.arange(17),
        "joint_names": H36M17.names,
    }
    return PoseTest(**(settings | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def report() -> object:
    torch.manual_seed(0)
    model = build_di2pose(tiny_config()).eval()
    return evaluate_pose(model, small_test(paper=PaperRow(49.2, 39.0, {"Walking": 37.3})), hidden=4, hypotheses=3)


def test_every_number_is_in_the_json(report: object) -> None:
    numbers = json.loads(json.dumps(as_dict(report)))  # type: ignore[arg-type]
    assert numbers["frames"] == 6 and numbers["hypotheses"] == 3
    assert set(numbers["per_joint_mm"]) == set(H36M17.names) and set(numbers["per_action_mm"]) == {"Walking", "Sitting"}
    assert numbers["pa_mpjpe_mm"] <= numbers["mpjpe_mm"] and 0 <= numbers["auc"] <= numbers["pck150"] <= 1
    assert numbers["paper"] == {"mpjpe_mm": 49.2, "pa_mpjpe_mm": 39.0}


def test_the_papers_row_stands_beside_ours_only_for_the_same_data(report: object) -> None:
    assert "Di2Pose (paper), from images | 49.2" in as_markdown(report)  # type: ignore[arg-type]
    model = build_di2pose(tiny_config()).eval()
    assert "paper)," not in as_markdown(evaluate_pose(model, small_test()))


def test_the_best_of_several_is_no_worse_than_one(report: object) -> None:
    model = build_di2pose(tiny_config()).eval()
    one, many = (evaluate_pose(model, small_test(), hypotheses=count) for count in (1, 8))
    assert one.best_mpjpe_mm == pytest.approx(one.errors.mpjpe_mm)
    assert many.best_mpjpe_mm <= one.best_mpjpe_mm + 50  # other draws, so only about


def test_only_the_protocols_joints_count() -> None:
    model = build_di2pose(tiny_config()).eval()
    found = evaluate_pose(model, small_test(rows=LSP14_ROWS, joint_names=tuple(str(row) for row in LSP14_ROWS)))
    assert found.errors.per_joint_mm.shape == (14,)


def test_protocols_that_cannot_be_run_say_why(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    with pytest.raises(ProtocolError, match=r"no protocol 'h3m'; choose one of cmu, h36m"):
        load_test("h3m", data)
    with pytest.raises(ProtocolError, match="reads no pictures"):
        load_test("3dpw-advocc", data)
    for name in ("h36m", "3dpw", "3dpw-occ"):
        with pytest.raises(DataError, match=str(tmp_path)):
            load_test(name, data)


def test_a_checkpoint_without_a_denoiser_is_refused(tmp_path: Path) -> None:
    from engine.model import checkpoint
    from engine.model.tokenizer import Tokenizer
    from training.evaluate_tokenizer import TokenizerReport, tokenizer_checkpoint

    report = TokenizerReport(1.0, 1.0, 1.0, 1.0, 6, 15, 1)
    tokenizer = Tokenizer(tiny_config().tokenizer)
    stored = tokenizer_checkpoint(tiny_config(), tokenizer, report=report, command="", seed=0, steps=1)
    checkpoint.write(tmp_path / "stage1", stored)
    with pytest.raises(CheckpointError, match="no part 'denoiser'"):
        load_model(str(tmp_path / "stage1"))
