"""Configurations: three are shipped, nothing unknown passes, and what is written is read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.model.config import NAMES, load, parse, to_toml
from engine.model.config_reading import ConfigError


@pytest.fixture
def live_toml() -> str:
    return to_toml(load("live"))


@pytest.mark.parametrize("name", NAMES)
def test_shipped_configurations_have_their_name_and_survive_writing(name: str) -> None:
    config = load(name)
    assert config.name == name
    assert parse(to_toml(config)) == config


def test_paper_has_the_published_values() -> None:
    config = load("paper")
    encoder, decoder = config.tokenizer.encoder, config.tokenizer.decoder
    assert (config.tokenizer.tokens, config.tokenizer.levels, config.tokenizer.codes) == (100, (7, 5, 5, 5, 5), 4375)
    assert (encoder.blocks, encoder.channels, encoder.shift_groups) == (4, 2048, 3)
    assert (decoder.blocks, decoder.channels, decoder.shift_groups) == (1, 512, 3)
    diffusion = config.diffusion
    assert (diffusion.steps, diffusion.final_occ, diffusion.final_replace) == (100, 0.9, 0.1)
    assert diffusion.auxiliary_weight == 5e-4
    assert (config.denoiser.layers, config.denoiser.heads, config.denoiser.channels) == (21, 16, 1024)
    first, second = config.tokenizer_training.optimiser, config.denoiser_training.optimiser
    assert (first.lr, first.weight_decay, first.beta1, first.beta2, first.batch, first.epochs) == (
        1e-3, 0.15, 0.9, 0.999, 256, 20,
    )  # fmt: skip
    assert (second.lr, second.weight_decay, second.beta1, second.beta2, second.batch, second.epochs) == (
        5.5e-4, 4.5e-2, 0.9, 0.96, 64, 50,
    )  # fmt: skip


def test_paper_switches_everything_off_that_the_paper_does_not_have() -> None:
    config = load("paper")
    tokenizer = config.tokenizer
    assert tokenizer.joint_drop == tokenizer.corrupt_poses == tokenizer.corrupt_share == tokenizer.fourier_octaves == 0
    assert tokenizer.stages == 1
    assert tokenizer.mix_channels == 0
    assert config.tokenizer_training.loss == "l1"
    assert config.denoiser_training.joint_loss_weight == 0
    assert not config.denoiser_training.importance_sampled_steps


@pytest.mark.parametrize("name", ["joint_loss_weight", "feature_noise", "landmark_noise"])
def test_noise_and_weights_of_losses_are_not_negative(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} must not be negative, got -1"):
        replace(load("live").denoiser_training, **{name: -1.0})


def test_live_is_small() -> None:
    config = load("live")
    assert config.tokenizer.tokens <= 40
    assert config.sampling.steps <= 8


@pytest.mark.parametrize(
    "old,new,quoted",
    [
        ("tokens = 32", "tokens = 32\ncolour = 3", r"tokenizer\.colour = 3"),
        ("levels = [7, 5, 5, 5, 5]", "levels = [7, 1, 5]", r"tokenizer\.levels .* \[7, 1, 5\]"),
        ("levels = [7, 5, 5, 5, 5]", "levels = []", r"tokenizer\.levels .* \[\]"),
        ("levels = [7, 5, 5, 5, 5]", "levels = [1000, 1000, 1000]", "1000000000 codes"),
        ("levels = [7, 5, 5, 5, 5]", 'levels = ["7"]', r"tokenizer\.levels must be a int, got '7'"),
        ("levels = [7, 5, 5, 5, 5]", "levels = 7", r"tokenizer\.levels must be a list, got 7"),
        ("tokens = 32", "tokens = 0", r"tokenizer\.tokens must be above 0, got 0"),
        ("tokens = 32", "tokens = 3.5", r"tokenizer\.tokens must be a int, got 3\.5"),
        ("tokens = 32", "tokens = true", r"tokenizer\.tokens must be a int, got True"),
        ("tokens = 32", "", r"tokenizer\.tokens is missing"),
        ("shift_groups = 3", "shift_groups = 4", r"encoder\.shift_groups must be odd, got 4"),
        ("linears = 3", "linears = 5", r"linears must be one of 2, 3, got 5"),
        ("final_occ = 0.9", "final_occ = 1.2", r"diffusion\.final_occ must lie between 0 and 1, got 1\.2"),
        ("final_replace = 0.1", "final_replace = 0.2", r"at most 1, got 0\.9 \+ 0\.2"),
        ("heads = 4", "heads = 5", "multiple of heads"),
        ('head = "levels"', 'head = "both"', r"denoiser\.head must be one of 'joint', 'levels', got 'both'"),
        ('sampler = "purity"', 'sampler = "magic"', "sampling.sampler must be one of"),
        ("lr = 0.002", "lr = nan", r"lr must be above 0, got nan"),
        ('kind = "live"', 'kind = "image"', r"condition\.kind must be one of 'joints', 'live', got 'image'"),
        ('kind = "live"', 'kind = "joints"', "kind 'joints' has no settings under live"),
        ("maps = true", "maps = 1", r"condition\.live\.maps must be a bool, got 1"),
        ("maps = true", "map = true", r"unknown setting condition\.live\.map = True"),
        ("width = 768", "width = 0", "width must be above 0, got 0"),
        ("one_pass_share = 0.7", "one_pass_share = 1.5", "one_pass_share must lie between 0 and 1, got 1.5"),
        ('name = "live"', 'name = ""', "name must not be empty"),
        ('name = "live"', 'name = "live', "not valid TOML"),
    ],
)
def test_bad_settings_are_quoted(live_toml: str, old: str, new: str, quoted: str) -> None:
    assert old in live_toml
    with pytest.raises(ConfigError, match=quoted):
        parse(live_toml.replace(old, new, 1))


def test_a_table_that_is_no_table_is_refused() -> None:
    with pytest.raises(ConfigError, match="tokenizer must be a table"):
        parse('name = "x"\ntokenizer = 3\ndenoiser = {}\ntokenizer_training = {}\ndenoiser_training = {}')


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("name = 3", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        load(path)
    with pytest.raises(ConfigError, match="neither a readable file .* nor one of paper, tokenizer100, live"):
        load(tmp_path / "absent.toml")
