"""The last step of the live model: the networks stay, doubt is fitted, and what comes out can be exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_live import tiny_live
from tiny_training import tiny_config, tiny_motion, tiny_options

from engine.model import checkpoint
from engine.model.checkpoint import HALVED_FROM, CheckpointError
from engine.model.config import SamplingConfig
from engine.model.config_reading import ConfigError
from engine.model.di2pose import build_tokenizer
from engine.model.live_pose import gumbel_noise, load_live_pose
from training.evaluate_tokenizer import TokenizerReport, tokenizer_checkpoint
from training.finish_live import finished
from training.fit_seen import blazepose_hidden, fit_seen, model_hidden, seen_report
from training.live_data import EncodedSet, LiveBatch
from training.live_rows import LiveRows
from training.run import RunError
from training.train_live import LiveData, train_live
from training.train_tokenizer import CHECKPOINT_NAME

SAMPLING = SamplingConfig("purity", steps=2, hypotheses=3)


@pytest.fixture(scope="module")
def data(encoded_train: Path, encoded_test: Path) -> LiveData:
    """The held-out crops named after two people in two outfits each."""
    test = EncodedSet.open(encoded_test)
    who = ("M_1_Casual", "M_1_Util", "F_2_Casual", "F_2_Util")
    about = [{**entry, "avatar": who[row % 4]} for row, entry in enumerate(test.about)]
    return LiveData(EncodedSet.open(encoded_train), EncodedSet([test.all()], test.recipes, about), tiny_motion())


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, data: LiveData) -> Path:
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("live")
    torch.manual_seed(0)
    report = TokenizerReport(1.0, 1.0, 1.0, 1.0, 6, 15, 1)
    stage1 = tokenizer_checkpoint(
        tiny_config(), build_tokenizer(tiny_config()), report=report, command="", seed=0, steps=1
    )
    checkpoint.write(out / "stage1", stage1)
    train_live(tiny_live(), data, tokenizer=str(out / "stage1"), options=tiny_options(out / "run", steps=4))
    return out / "run" / CHECKPOINT_NAME


def test_a_finished_model_loads_and_states_its_doubt(tmp_path: Path, trained: Path, data: LiveData) -> None:
    found = finished(str(trained), data.train, data.held_out, sampling=SAMPLING)
    checkpoint.write(tmp_path / "final", found.checkpoint)
    pose = load_live_pose(tmp_path / "final")
    assert (pose.passes, pose.hypotheses) == (2, 3)
    crops = LiveBatch.of(data.held_out.all()).crops
    read = (crops.points, crops.at_points, crops.trunk_2, crops.trunk_4, crops.view)
    with torch.no_grad():
        joints, spread, seen, hypotheses = pose(*read, gumbel_noise(pose.noise_shape, 0))
    assert joints.shape == (12, 17, 3) and hypotheses.shape == (12, 3, 17, 3)
    assert (spread[:, 1:] > 0).all() and (spread[:, 0] == 0).all()
    assert ((seen >= 0) & (seen <= 1)).all()
    card = found.checkpoint.card
    assert card["spread_across_people"]["crops"] == 12 and set(card["hidden"]) == set(card["hidden_blazepose"])


def test_the_trained_networks_stay_as_they_are_but_for_half_precision(trained: Path, data: LiveData) -> None:
    before = checkpoint.read(trained).tensors
    after = finished(str(trained), data.train, data.held_out, sampling=SAMPLING).checkpoint.tensors
    assert before.keys() <= after.keys()
    for name, value in before.items():
        if value.is_floating_point() and value.numel() >= HALVED_FROM:
            assert after[name].dtype == torch.float16
        torch.testing.assert_close(after[name].to(value.dtype), value, atol=1e-3, rtol=1e-3)


def test_what_was_not_trained_by_train_live_is_refused(tmp_path: Path, trained: Path, data: LiveData) -> None:
    with pytest.raises(ConfigError, match="use .live."):
        finished(str(trained.parents[1] / "stage1"), data.train, data.held_out, sampling=SAMPLING)
    with pytest.raises(CheckpointError, match="train doubt"):
        load_live_pose(trained)


def test_crops_of_other_splits_are_refused(trained: Path, data: LiveData) -> None:
    with pytest.raises(RunError, match="crops are of split test, held-out ones of train; give train and test"):
        finished(str(trained), data.held_out, data.train, sampling=SAMPLING)


def test_a_person_in_other_clothes_is_the_same_person(data: LiveData) -> None:
    assert data.held_out.people[:4] == ["M_1", "M_1", "F_2", "F_2"]


def test_visibility_is_learned_where_blazepose_says_the_opposite(data: LiveData) -> None:
    rng = np.random.default_rng(0)
    count = 600
    arrays = {name: np.repeat(values[:1], count, axis=0).copy() for name, values in data.train.all().arrays().items()}
    stated = rng.random((count, 33)).astype(np.float32)
    arrays["points"][..., 6] = stated
    arrays["visible"] = np.repeat((stated[:, 15] < 0.5)[:, None], 17, axis=1).astype(np.uint8)  # the left wrist's
    rows = LiveRows(**arrays)
    crops = EncodedSet([rows], data.train.recipes, [])
    found = seen_report(model_hidden(fit_seen(crops), rows), rows.visible > 0)
    assert (
        found.balanced_accuracy > 0.95 > 0.6 > seen_report(blazepose_hidden(rows), rows.visible > 0).balanced_accuracy
    )


def test_recall_precision_and_balance_count_hidden_joints() -> None:
    visible = np.zeros((1, 17), bool)
    visible[0, 1:9] = True
    called = np.zeros((1, 17), bool)
    called[0, 9:13] = True  # half of the hidden ones, and one that is seen
    called[0, 1] = True
    found = seen_report(called, visible)
    assert (found.recall, found.precision) == (0.5, 0.8)
    assert found.balanced_accuracy == pytest.approx((0.5 + 7 / 8) / 2)
