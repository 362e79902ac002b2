"""What a model is made of: nested frozen dataclasses, read from TOML, shipped under three names.

`paper` has the published sizes and hyper-parameters; `tokenizer100` and `live` are ours (docs/method.md says why).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from engine.model import config_reading
from engine.model.config_reading import ConfigError

NAMES = ("paper", "tokenizer100", "live")


@dataclass(frozen=True, slots=True)
class LocalMlpConfig:
    """A stack of Local-MLP blocks."""

    blocks: int
    channels: int
    shift_groups: int = 3
    mlp_ratio: int = 4
    linears: int = 3
    """Linear layers inside the JS-Block: 3 as in AS-MLP, or 2."""

    def __post_init__(self) -> None:
        _positive(self, "blocks", "channels", "shift_groups", "mlp_ratio")
        if self.shift_groups % 2 == 0:
            raise ConfigError(f"shift_groups must be odd, got {self.shift_groups}")
        _one_of(self, "linears", 2, 3)


@dataclass(frozen=True, slots=True)
class TokenizerConfig:
    """17 joints <-> N tokens of one index each."""

    tokens: int
    levels: tuple[int, ...]
    encoder: LocalMlpConfig
    decoder: LocalMlpConfig
    layout: str = "joints"
    """`joints`: Local-MLP over a row of joints, as in the paper. `pose`: residual MLPs over the whole pose (pose_mlp),
    which have no use for `shift_groups`, `linears`, Fourier features and `mix_channels`."""
    magnify: float = 8.0
    """Layout `pose`: what the first stage missed is shown to the second so many times enlarged."""
    scale_mm: float = 1000.0
    """Millimetres that the networks see as 1."""
    fourier_octaves: int = 0
    """Sines and cosines of so many octaves join the coordinates before the embedding; 0 is the paper's linear layer."""
    fourier_longest_mm: float = 4000.0
    """Wavelength of the lowest octave."""
    stages: int = 1
    """Above 1, tokens come in so many stages, each for what the stages before left over (docs/method.md)."""
    mix_channels: int = 0
    """Channels per joint that a full linear map to and from all tokens sees; 0: the paper's Linear on the joints."""
    stage_gain: float = 4.0
    """Where the first stage's gain starts, per `scale_mm`; each further stage's is `stage_ratio` times larger."""
    stage_ratio: float = 6.0
    joint_drop: float = 0.0
    """Training: share of joints replaced by a learned token before the encoder."""
    corrupt_poses: float = 0.0
    """Training: share of poses whose tokens are disturbed before the decoder, so that it learns plausible bodies."""
    corrupt_share: float = 0.0
    """Training: the disturbed share of a pose's tokens is uniform between 0 and this."""

    def __post_init__(self) -> None:
        _positive(self, "tokens", "scale_mm", "fourier_longest_mm", "stages", "stage_gain", "stage_ratio")
        _positive(self, "magnify")
        _one_of(self, "layout", "joints", "pose")
        if self.layout == "pose":
            self._check_pose_layout()
        if self.mix_channels < 0:
            raise ConfigError(f"mix_channels must not be negative, got {self.mix_channels}")
        if self.layout == "joints" and self.stages > 1 and self.mix_channels == 0:
            raise ConfigError(f"stages = {self.stages} needs mix_channels above 0")
        if self.stages > self.tokens:
            raise ConfigError(f"stages must be at most tokens = {self.tokens}, got {self.stages}")
        if not self.levels or min(self.levels) < 3:
            raise ConfigError(f"levels must be at least 3 each, got {list(self.levels)}")
        if self.codes > 1 << 20:
            raise ConfigError(f"levels {list(self.levels)} make {self.codes} codes; at most {1 << 20} are supported")
        if self.fourier_octaves < 0:
            raise ConfigError(f"fourier_octaves must not be negative, got {self.fourier_octaves}")
        _share(self, "joint_drop", "corrupt_poses", "corrupt_share")

    @property
    def codes(self) -> int:
        return math.prod(self.levels)

    def _check_pose_layout(self) -> None:
        for name in ("fourier_octaves", "mix_channels"):
            if getattr(self, name):
                raise ConfigError(f"layout 'pose' has no {name}, got {getattr(self, name)}; use 0")
        if self.stages > 2:
            raise ConfigError(f"layout 'pose' has 1 or 2 stages, got {self.stages}")


@dataclass(frozen=True, slots=True)
class DiffusionConfig:
    """Linear schedule of the cumulative masses; what is left of 1 at the last step stays as it was."""

    steps: int = 100
    final_occ: float = 0.9
    final_replace: float = 0.1
    auxiliary_weight: float = 5e-4
    auxiliary_falls: bool = False
    """Weigh the auxiliary loss by 2 - s/S as VQ-Diffusion's code does."""

    def __post_init__(self) -> None:
        _positive(self, "steps")
        _share(self, "final_occ", "final_replace")
        if not 0.0 < self.final_occ + self.final_replace <= 1.0 + 1e-9:
            raise ConfigError(
                f"final_occ + final_replace must be above 0 and at most 1, got {self.final_occ} + {self.final_replace}"
            )
        if self.auxiliary_weight < 0:
            raise ConfigError(f"auxiliary_weight must not be negative, got {self.auxiliary_weight}")


@dataclass(frozen=True, slots=True)
class DenoiserConfig:
    """The transformer that predicts the clean tokens."""

    layers: int
    heads: int
    channels: int
    condition_channels: int
    mlp_ratio: int = 4
    head: str = "joint"
    """`joint`: one softmax over all codes. `levels`: one per level, the joint probability is their product."""
    token_input: str = "table"
    """`table`: a learned vector per code. `codes`: the sum of one vector per level."""

    def __post_init__(self) -> None:
        _positive(self, "layers", "heads", "channels", "condition_channels", "mlp_ratio")
        if self.channels % self.heads:
            raise ConfigError(f"channels must be a multiple of heads, got {self.channels} and {self.heads}")
        _one_of(self, "head", "joint", "levels")
        _one_of(self, "token_input", "table", "codes")


@dataclass(frozen=True, slots=True)
class LiveConditionConfig:
    """What the live condition reads of a crop besides where the landmarks lie, and the network that reads it."""

    world: bool = True
    """Depth and world coordinates of the landmarks."""
    visibility: bool = True
    peaks: bool = True
    """The hottest places of each landmark's heatmap."""
    at_points: bool = True
    """Image features at the landmarks."""
    maps: bool = True
    """The network's last two feature maps."""
    view: bool = True
    """Angle and size of the crop, presence."""
    tokens: int = 8
    """Length of the sequence that the denoiser sees."""
    width: int = 512
    """Of the crop as one vector."""
    blocks: int = 2

    def __post_init__(self) -> None:
        _positive(self, "tokens", "width", "blocks")


@dataclass(frozen=True, slots=True)
class ConditionConfig:
    """Encoder of the condition."""

    kind: str = "joints"
    """`joints`: projected 2D joints, the conditional task without images. `live`: what BlazePose says of a crop."""
    layers: int = 2
    heads: int = 4
    """With `layers` the transformer over 2D joints; `live` has none."""
    live: LiveConditionConfig = field(default_factory=LiveConditionConfig)

    def __post_init__(self) -> None:
        _one_of(self, "kind", "joints", "live")
        _positive(self, "heads")
        if self.layers < 0:
            raise ConfigError(f"layers must not be negative, got {self.layers}")
        if self.kind == "joints" and self.live != LiveConditionConfig():
            raise ConfigError("kind 'joints' has no settings under live; leave them out or use kind 'live'")


@dataclass(frozen=True, slots=True)
class SamplingConfig:
    """How poses are drawn when nothing else is asked for."""

    sampler: str = "ancestral"
    """`ancestral` (all or `steps` of the steps), `purity` (most confident first) or `soft` (one pass)."""
    steps: int = 100
    hypotheses: int = 1
    top_p: float = 1.0

    def __post_init__(self) -> None:
        _positive(self, "steps", "hypotheses", "top_p")
        _share(self, "top_p")
        _one_of(self, "sampler", "ancestral", "purity", "soft")


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """AdamW and its schedule."""

    lr: float
    weight_decay: float
    beta1: float
    beta2: float
    batch: int
    epochs: int
    steps_per_epoch: int = 0
    """0: as many as one pass over the data takes."""
    warmup_steps: int = 0
    lr_schedule: str = "constant"
    clip_norm: float = 0.0
    """0: no gradient clipping."""
    ema_decay: float = 0.0
    """0: no moving average."""

    def __post_init__(self) -> None:
        _positive(self, "lr", "batch", "epochs")
        _share(self, "beta1", "beta2", "ema_decay")
        _one_of(self, "lr_schedule", "constant", "cosine")


@dataclass(frozen=True, slots=True)
class TokenizerTrainingConfig:
    """Stage 1."""

    optimiser: OptimiserConfig
    views: str = "level"
    """`level`: people before a camera as it is held. `crops`: in the virtual axes of their crops, trunks upright."""
    loss: str = "l1"
    smooth_l1_beta: float = 0.05
    """In the network's unit (`scale_mm`); PCT's value."""
    bone_weight: float = 0.0
    """Weight of the mean error of bone lengths: keeps bodies whole where disturbed tokens leave a limb in doubt."""
    sketch_loss_weight: float = 0.0
    """Weight of the same loss on the poses that are read out on the way; only with stages."""

    def __post_init__(self) -> None:
        _one_of(self, "views", "level", "crops")
        _one_of(self, "loss", "l1", "smooth_l1", "mpjpe")
        _positive(self, "smooth_l1_beta")
        for name in ("sketch_loss_weight", "bone_weight"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class DenoiserTrainingConfig:
    """Stage 2."""

    optimiser: OptimiserConfig
    joint_loss_weight: float = 0.0
    """Weight of the joint-space loss on soft-decoded poses; 0 in the paper."""
    importance_sampled_steps: bool = False
    one_pass_share: float = 0.0
    """Live: share of a batch that starts from all Occ at the last step, as the live line does; 1 is a classifier."""
    one_pass_weight: float = 1.0
    """Live: weight of these rows' auxiliary and joint-space loss."""
    simulated_share: float = 0.0
    """Live: share of a batch made from motion and a camera alone, with landmarks and without image features."""
    hide_features: float = 0.0
    """Live: share of crops whose image features, depth and world coordinates are left out."""
    feature_noise: float = 0.0
    """Live: noise on the image features of rendered crops, in spreads of each channel; makes answers steadier."""
    landmark_noise: float = 0.0
    """Live: noise on landmarks and peaks, in multiples of how much they tremble over a still picture."""

    def __post_init__(self) -> None:
        _positive(self, "one_pass_weight")
        _share(self, "one_pass_share", "simulated_share", "hide_features")
        for name in ("joint_loss_weight", "feature_noise", "landmark_noise"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must not be negative, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Everything: what a checkpoint carries as config.toml."""

    name: str
    tokenizer: TokenizerConfig
    denoiser: DenoiserConfig
    tokenizer_training: TokenizerTrainingConfig
    denoiser_training: DenoiserTrainingConfig
    diffusion: DiffusionConfig = field(default_factory=DiffusionConfig)
    condition: ConditionConfig = field(default_factory=ConditionConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def __post_init__(self) -> None:
        if not self.name:
            raise ConfigError("name must not be empty")
        if self.denoiser.condition_channels % self.condition.heads:
            raise ConfigError(
                "denoiser.condition_channels must be a multiple of condition.heads, "
                f"got {self.denoiser.condition_channels} and {self.condition.heads}"
            )


def parse(text: str) -> ModelConfig:
    return config_reading.read(ModelConfig, text)


def load(name_or_path: str | Path) -> ModelConfig:
    """One of the shipped `NAMES`, or a TOML file. ConfigError names the file and quotes the setting."""
    if str(name_or_path) in NAMES:
        return parse(resources.files("engine.model").joinpath("configs", f"{name_or_path}.toml").read_text("utf-8"))
    path = Path(name_or_path)
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(NAMES)
        raise ConfigError(f"{path} is neither a readable file ({error.strerror}) nor one of {known}") from error
    except (ConfigError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def to_toml(config: ModelConfig) -> str:
    return config_reading.write(config)


def _positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not value > 0 or not math.isfinite(value):
            raise ConfigError(f"{name} must be above 0, got {value}")


def _share(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not 0.0 <= value <= 1.0:
            raise ConfigError(f"{name} must lie between 0 and 1, got {value}")


def _one_of(config: object, name: str, *allowed: object) -> None:
    value = getattr(config, name)
    if value not in allowed:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
