"""Training the live model: it learns, continues bit for bit, leaves a checkpoint that loads, refuses bad input."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from tiny_live import tiny_live
from tiny_training import tiny_config, tiny_motion, tiny_options

from engine.model import checkpoint
from engine.model.checkpoint import CheckpointError
from engine.model.config import load
from engine.model.config_reading import ConfigError
from engine.model.di2pose import build_tokenizer
from training import ladder
from training.evaluate_live import blazepose_mm, errors_of, poses_mm, stream_mm, table
from training.evaluate_tokenizer import TokenizerReport, tokenizer_checkpoint
from training.journal import JOURNAL_NAME, read_journal
from training.live_batches import TREMBLING, LiveSampler
from training.live_data import EncodedSet, LiveBatch
from training.live_task import METHODS, DiffusionTask, build_task
from training.mean_weights import mean_of_weights, measured
from training.run import RunError
from training.simulated_landmarks import LIMB_JOINTS
from training.snapshot import SNAPSHOT_NAME
from training.train_denoiser import train_denoiser
from training.train_live import LiveData, load_live, train_live
from training.train_tokenizer import CHECKPOINT_NAME


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def data(encoded_train: Path, encoded_test: Path) -> LiveData:
    return LiveData(EncodedSet.open(encoded_train), EncodedSet.open(encoded_test), tiny_motion())


@pytest.fixture(scope="module")
def tokenizer_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(0)
    report = TokenizerReport(1.0, 1.0, 1.0, 1.0, 6, 15, 1)
    stored = tokenizer_checkpoint(
        tiny_config(), build_tokenizer(tiny_config()), report=report, command="", seed=0, steps=1
    )
    directory = tmp_path_factory.mktemp("tokenizer") / "stage1"
    checkpoint.write(directory, stored)
    return str(directory)


def test_a_resumed_run_ends_bit_for_bit_like_an_uncut_one(tmp_path: Path, data: LiveData, tokenizer_dir: str) -> None:
    options = replace(tiny_options(tmp_path / "run", steps=6), checkpoint_every=4)
    whole = train_live(tiny_live(), data, tokenizer=tokenizer_dir, options=options)
    kept = {}

    def keep(done: int, steps: int, text: str) -> None:
        if done == 5:
            kept["state"] = (tmp_path / "again" / SNAPSHOT_NAME).read_bytes()

    again = replace(options, out=tmp_path / "again")
    train_live(tiny_live(), data, tokenizer=tokenizer_dir, options=again, progress=keep)
    (again.out / SNAPSHOT_NAME).write_bytes(kept["state"])
    resumed = train_live(tiny_live(), data, tokenizer=tokenizer_dir, options=again)
    state, found = (load_file(folder / SNAPSHOT_NAME) for folder in (options.out, again.out))
    assert found.keys() == state.keys() and all(torch.equal(value, state[name]) for name, value in found.items())
    assert resumed.errors == whole.errors


@pytest.mark.parametrize("method", METHODS)
def test_every_method_learns_and_its_checkpoint_loads(
    tmp_path: Path, data: LiveData, tokenizer_dir: str, method: str
) -> None:
    options = replace(tiny_options(tmp_path / "run", steps=60), checkpoint_every=60, evaluate_every=60)
    trained = train_live(tiny_live(), data, tokenizer=tokenizer_dir, options=options, method=method, command="typed")
    losses = [entry["loss"] for entry in read_journal(options.out / JOURNAL_NAME) if entry["kind"] == "train"]
    assert np.mean(losses[-15:]) < np.mean(losses[:15])
    config, task = load_live(options.out / CHECKPOINT_NAME)
    rows = data.held_out.all()
    np.testing.assert_array_equal(poses_mm(task, LiveBatch.of(rows)), poses_mm(trained.task, LiveBatch.of(rows)))
    card = checkpoint.read(options.out / CHECKPOINT_NAME).card
    assert (card["command"], card["method"], card["crops"], config.condition.kind) == ("typed", method, 24, "live")
    assert card["held_out_blazepose"] == errors_of(blazepose_mm(rows), rows).as_dict()


@pytest.mark.parametrize("method", ["di2pose", "regression"])
def test_the_frozen_tokenizer_gets_no_gradient_and_all_trained_parts_do(data: LiveData, method: str) -> None:
    torch.manual_seed(0)
    tokenizer = build_tokenizer(tiny_config())
    task = build_task(method, tiny_live(), tokenizer).train()
    batch = LiveSampler(data.train, data.motion, tiny_live().denoiser_training, seed=0).batch(0)
    task(batch, torch.Generator().manual_seed(0)).backward()
    assert all(weight.grad is None for weight in tokenizer.parameters())
    assert all(weight.grad is not None for weight in task.trained.parameters())
    assert not tokenizer.training


@pytest.mark.parametrize("run", ["lifting", "settle", "long"])
def test_the_runs_of_the_shipped_model_differ_in_their_training_alone(run: str) -> None:
    live, other = load("live"), load(str(Path(ladder.__file__).with_name(f"live_{run}.toml")))
    assert replace(other, denoiser_training=live.denoiser_training) == live


def test_a_share_of_the_rows_starts_as_the_live_line_does() -> None:
    task = DiffusionTask(tiny_live(one_pass_share=0.75), build_tokenizer(tiny_config()))
    chain, one_pass = task._chain(torch.zeros(64, 6, dtype=torch.long), torch.Generator().manual_seed(0))
    assert int(one_pass.sum()) == 48
    assert bool((chain.tokens_s[one_pass] == task.model.diffusion.occ).all())
    assert bool((chain.step[one_pass] == 8).all()) and int(chain.step[~one_pass].min()) >= 1


def test_batches_mix_kinds_and_show_every_crop_once_per_pass(data: LiveData) -> None:
    sampler = LiveSampler(data.train, data.motion, tiny_live().denoiser_training, seed=3)
    assert (sampler.encoded_rows, sampler.simulated) == (6, 2)
    batches = [sampler.batch(index) for index in range(4)]
    shown = np.concatenate([batch.joints_mm[:6].numpy() for batch in batches])
    every = data.train.all().joints_mm
    found = np.abs(shown[:, None] - every[None]).reshape(24, 24, -1).max(axis=2).argmin(axis=1)
    assert sorted(found.tolist()) == list(range(24))
    again = LiveSampler(data.train, data.motion, tiny_live().denoiser_training, seed=3).batch(2)
    assert torch.equal(again.crops.points, batches[2].crops.points)
    assert torch.equal(again.crops.features_known, batches[2].crops.features_known)


def test_the_truth_has_no_error_and_hidden_joints_count_apart(data: LiveData) -> None:
    rows = data.held_out.all()
    truth_mm = stream_mm(rows.joints_mm)
    assert errors_of(truth_mm, rows).limbs_mpjpe_mm == 0
    moved = truth_mm.copy()
    moved[..., 2] += np.where(rows.visible > 0, 0.0, 40.0)
    moved[:, 0] = 0
    found = errors_of(moved, rows)
    assert found.limbs_visible_mm == 0
    if (rows.visible[:, LIMB_JOINTS] == 0).any():
        assert found.limbs_hidden_mm == pytest.approx(40, abs=1e-3)
    assert "| mine | " in table({"mine": found})


def test_what_cannot_fit_is_refused(tmp_path: Path, data: LiveData, tokenizer_dir: str) -> None:
    options = tiny_options(tmp_path / "run", steps=2)

    def run(config: object = None, crops: LiveData = data, **more: str) -> None:
        train_live(config or tiny_live(), crops, tokenizer=tokenizer_dir, options=options, **more)  # type: ignore[arg-type]

    with pytest.raises(RunError, match="of split test, held-out ones of train"):
        run(crops=LiveData(data.held_out, data.train, data.motion))
    with pytest.raises(RunError, match="simulated_share is above 0 and needs motion; give --data"):
        run(crops=replace(data, motion=None))
    with pytest.raises(RunError, match="holds tokenizer and no live_condition; give a checkpoint of `train live`"):
        run(init=tokenizer_dir)
    with pytest.raises(CheckpointError, match="card.json"):
        run(init=str(tmp_path))
    with pytest.raises(RunError, match="no method 'guess'; choose one of di2pose"):
        run(method="guess")
    with pytest.raises(RunError, match=r"6 tokens of levels \[5, 3\], configuration tiny needs 8"):
        run(replace(tiny_live(), tokenizer=replace(tiny_config().tokenizer, tokens=8)))
    with pytest.raises(ConfigError, match="condition.kind is 'joints'"):
        run(replace(tiny_config(), denoiser_training=replace(tiny_live().denoiser_training)))
    with pytest.raises(RunError, match="use `di2pose train live`, or kind 'joints'"):
        train_denoiser(tiny_live(), tiny_motion(), tokenizer=tokenizer_dir, options=options)


def test_the_ladder_is_climbed_once(tmp_path: Path, data: LiveData, tokenizer_dir: str) -> None:
    rungs, tests = ["true-2d", "world"], {"syn": data.held_out, "syn-occ": data.held_out}
    options = replace(tiny_options(tmp_path, steps=2), checkpoint_every=2)
    for _ in range(2):
        ladder.climb(tiny_live(), data, tests, tmp_path, rungs=rungs, tokenizer=tokenizer_dir, options=options)
    found = ladder.results(tmp_path)
    assert list(found) == ["syn", "syn-occ"] and found["syn"] == found["syn-occ"]
    assert list(found["syn"]) == [
        "BlazePose's world landmarks",
        "3D from the true 2D joints",
        "+ depth and world coordinates",
    ]
    config = checkpoint.read(tmp_path / "world" / CHECKPOINT_NAME).config
    assert not config.condition.live.maps and config.condition.live.world
    assert build_task("di2pose", config, build_tokenizer(config)) is not None


def test_rungs_differ_in_what_they_learn_from(data: LiveData) -> None:
    shares = {name: ladder.configured(tiny_live(), rung).denoiser_training.simulated_share
              for name, rung in ladder.RUNGS.items()}  # fmt: skip
    assert (shares["true-2d"], shares["simulated"], shares["maps"]) == (0.0, 1.0, 0.25)
    about = [{"occluders": row % 2, "others": row % 3} for row in range(24)]
    free = ladder.unoccluded(EncodedSet([data.train.all()], data.train.recipes, about))
    assert len(free) == 4 and np.array_equal(free.all().joints_mm, data.train.take([0, 6, 12, 18]).joints_mm)


def test_a_run_can_start_from_another_runs_weights(tmp_path: Path, data: LiveData, tokenizer_dir: str) -> None:
    first = tiny_options(tmp_path / "first", steps=3)
    train_live(tiny_live(), data, tokenizer=tokenizer_dir, options=first)
    still = tiny_live()
    still = replace(
        still,
        denoiser_training=replace(
            still.denoiser_training,
            optimiser=replace(still.denoiser_training.optimiser, lr=1e-12, warmup_steps=0, ema_decay=0.0),
        ),
    )
    options = replace(first, out=tmp_path / "second", steps=1)
    train_live(still, data, tokenizer=tokenizer_dir, init=str(first.out / CHECKPOINT_NAME), options=options)
    before, after = (checkpoint.read(run.out / CHECKPOINT_NAME).tensors for run in (first, options))
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-6, rtol=0)


def test_the_model_starts_from_what_lifting_has_learned(tmp_path: Path, data: LiveData, tokenizer_dir: str) -> None:
    first = tiny_options(tmp_path / "lifting", steps=3)
    train_live(tiny_live(), data, tokenizer=tokenizer_dir, options=first, method="lifting")
    lifted = checkpoint.read(first.out / CHECKPOINT_NAME)
    assert lifted.card["parts"] == ["live_condition", "pose", "tokenizer"]
    plan = replace(tiny_live().denoiser_training.optimiser, lr=1e-12, warmup_steps=0, ema_decay=0.0)
    still = replace(tiny_live(), denoiser_training=replace(tiny_live().denoiser_training, optimiser=plan))
    options = replace(first, out=tmp_path / "model", steps=1)
    train_live(still, data, tokenizer=tokenizer_dir, init=str(first.out / CHECKPOINT_NAME), options=options)
    after = checkpoint.read(options.out / CHECKPOINT_NAME).tensors
    for name in lifted.part("live_condition"):
        torch.testing.assert_close(after[f"live_condition.{name}"], lifted.tensors[f"live_condition.{name}"])


def clean_and_noisy(data: LiveData, **noise: float) -> list[LiveBatch]:
    """The first batch without noise, and twice with it."""
    plain = tiny_live(simulated_share=0.0, hide_features=0.0).denoiser_training
    plans = (plain, replace(plain, **noise), replace(plain, **noise))
    return [LiveSampler(data.train, None, plan, seed=3).batch(0) for plan in plans]


def test_noise_changes_image_features_alone_and_is_the_same_for_the_same_seed(data: LiveData) -> None:
    clean, found, again = clean_and_noisy(data, feature_noise=0.5)
    assert torch.equal(clean.crops.points, found.crops.points) and torch.equal(clean.crops.view, found.crops.view)
    assert torch.equal(found.crops.at_points, again.crops.at_points)
    off = (found.crops.at_points - clean.crops.at_points).std(dim=(0, 1))
    spread = torch.from_numpy(data.train.all().at_points.std(axis=(0, 1), dtype=np.float32))
    assert 0.8 < float((off / (0.5 * spread)).nanmedian()) < 1.2  # some channels are zero in all of these crops


def test_noise_on_landmarks_is_that_of_a_still_picture_and_changes_nothing_else(data: LiveData) -> None:
    clean, found, again = clean_and_noisy(data, landmark_noise=2.0)
    assert torch.equal(clean.crops.at_points, found.crops.at_points) and torch.equal(clean.crops.view, found.crops.view)
    assert torch.equal(found.crops.points, again.crops.points)
    off = (found.crops.points - clean.crops.points).std(dim=(0, 1))
    expected = 2 * TREMBLING * data.train.all().points.std(axis=(0, 1), dtype=np.float32)
    np.testing.assert_allclose(off.numpy(), expected, rtol=0.25, atol=1e-6)


def test_the_mean_of_two_runs_is_between_them_and_is_measured_anew_and_what_does_not_fit_is_refused(
    tmp_path: Path, data: LiveData, tokenizer_dir: str
) -> None:
    stored = []
    for seed in (0, 1):
        options = replace(tiny_options(tmp_path / f"run{seed}", steps=2), seed=seed)
        train_live(tiny_live(), data, tokenizer=tokenizer_dir, options=options)
        stored.append(checkpoint.read(options.out / CHECKPOINT_NAME))
    mean = mean_of_weights(stored)
    for name, value in mean.tensors.items():
        one, other = (each.tensors[name].double() for each in stored)
        expected = other if name.startswith("tokenizer.") else (one + other) / 2
        torch.testing.assert_close(value.double(), expected, atol=1e-3, rtol=1e-3)
    assert mean.card == stored[-1].card
    errors = measured(mean, data.held_out)
    assert errors.crops == len(data.held_out)
    same = measured(mean_of_weights([stored[1], stored[1]]), data.held_out)
    assert same.mpjpe_mm == pytest.approx(stored[1].card["held_out"]["mpjpe_mm"], abs=0.5) != errors.mpjpe_mm

    with pytest.raises(RunError, match="two checkpoints at least"):
        mean_of_weights(stored[:1])
    changed = {name: value + name.startswith("tokenizer.") for name, value in stored[0].tensors.items()}
    with pytest.raises(RunError, match="different tokenizers"):
        mean_of_weights([replace(stored[0], tensors=changed), stored[1]])
    wider = {name: torch.cat([value, value]) if value.ndim else value for name, value in stored[0].tensors.items()}
    stage_1 = {name: value for name, value in stored[0].tensors.items() if name.startswith("tokenizer.")}
    for other in (wider, stage_1):
        with pytest.raises(RunError, match="different models; give runs"):
            mean_of_weights([replace(stored[0], tensors=other), stored[1]])
