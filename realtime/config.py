"""Settings of the live line: nested, frozen, checked, readable from TOML."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

_Config = TypeVar("_Config")


class ConfigError(ValueError):
    """A setting is unknown or out of range; the text quotes it."""


@dataclass(frozen=True, slots=True)
class SmoothingConfig:
    """One-Euro filter in millimetres and hertz; joints in space by the temporal blend where the estimator states doubt.

    At 1 m/s the cut-off is min_cutoff_hz + beta * 1000, here 6 Hz, a lag of 1/(2 pi 6) = 27 ms.
    """

    enabled: bool = True
    learned: bool = True
    """False: the One-Euro filter for everything."""
    min_cutoff_hz: float = 1.0
    beta: float = 0.005
    """Hertz of cut-off per mm/s of speed."""
    speed_cutoff_hz: float = 1.0
    forget_after_s: float = 0.5

    def __post_init__(self) -> None:
        _positive(self, "min_cutoff_hz", "speed_cutoff_hz", "forget_after_s")
        if self.beta < 0:
            raise ConfigError(f"smoothing.beta must not be negative, got {self.beta}")


@dataclass(frozen=True, slots=True)
class TrackingConfig:
    """When to detect, whom to believe, how long to remember."""

    detect_every_frames: int = 6
    """With people in view, one window of the picture is searched for newcomers every so many frames."""
    search_every_frames: int = 5
    """With nobody in view the tiles are searched every so many frames, the whole picture in every frame."""
    min_detection_score: float = 0.5
    min_presence: float = 0.5
    birth_presence: float = 0.6
    """A newcomer's first pose must be at least this sure."""
    max_persons: int = 8
    predict_for_s: float = 0.5
    """A person who cannot be seen is published as predicted for so long, then lost."""
    refind_for_s: float = 1.5
    """A lost person keeps the id when found again near the old place within this time."""
    max_jump: float = 0.15
    """Shift of the trunk between two frames, in sizes of its region, that always fits the last pose."""
    max_speed: float = 1.0
    """Sizes of the region per second by which the limit grows with the time between frames; a size is about 2.4 m."""
    max_reach: float = 0.5
    """Largest shift that can still be the same person, whatever the time between."""
    same_person: float = 0.25
    """Two bodies nearer than this (mean of hip and shoulder distance, in sizes of the region) are one person."""

    def __post_init__(self) -> None:
        _positive(self, "detect_every_frames", "search_every_frames", "max_persons", "predict_for_s", "refind_for_s")
        _positive(self, "max_jump", "max_speed", "max_reach", "same_person")
        for name in ("min_detection_score", "min_presence", "birth_presence"):
            value = getattr(self, name)
            if not 0.0 < value < 1.0:
                raise ConfigError(f"tracking.{name} must lie between 0 and 1, got {value}")


MOST_HYPOTHESES = 16


@dataclass(frozen=True, slots=True)
class LineConfig:
    smoothing: SmoothingConfig = field(default_factory=SmoothingConfig)
    tracking: TrackingConfig = field(default_factory=TrackingConfig)
    threads: int = 2
    """Threads of one network run."""
    hypotheses: int = 0
    """So many possible poses of each person go out beside the estimate, where the estimator has them; at most 16."""

    def __post_init__(self) -> None:
        _positive(self, "threads")
        if not 0 <= self.hypotheses <= MOST_HYPOTHESES:
            raise ConfigError(f"hypotheses must lie between 0 and {MOST_HYPOTHESES}, got {self.hypotheses}")


def load(path: Path) -> LineConfig:
    """Read a TOML file; whatever it leaves out keeps its default. ConfigError names file and field."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read settings file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"settings file {path} is not valid TOML: {error}") from error
    try:
        sections = {
            "smoothing": _section(SmoothingConfig, content.pop("smoothing", {}), "smoothing."),
            "tracking": _section(TrackingConfig, content.pop("tracking", {}), "tracking."),
        }
        return _section(LineConfig, {**content, **sections}, "")
    except ConfigError as error:
        raise ConfigError(f"settings file {path}: {error}") from error


def _section(kind: type[_Config], values: Any, prefix: str) -> _Config:
    if not isinstance(values, dict):
        raise ConfigError(f"{prefix.rstrip('.')} must be a table, got {values!r}")
    known = {entry.name: entry for entry in fields(kind)}  # type: ignore[arg-type]
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"unknown setting {prefix}{name}; known are {', '.join(known)}")
        default = getattr(kind(), name)
        numeric = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits = numeric if isinstance(default, float) else type(value) is type(default)
        if not fits:
            raise ConfigError(f"{prefix}{name} must be a {type(default).__name__}, got {value!r}")
    return kind(**values)


def _positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not value > 0:
            raise ConfigError(f"{name} must be positive, got {value}")
