"""An option that a library lacks is refused by its name, never ignored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from engine.build.build_error import BuildError
from engine.build.build_options import BuildOptions, parse_frame, parse_pools, parse_target


@pytest.mark.parametrize(
    ("given", "flag"),
    [
        ({"timing_cache": Path("cache")}, "--timingCacheFile"),
        ({"version_compatible": True}, "--versionCompatible"),
        ({"hardware": "ampere+"}, "--hardwareCompatibilityLevel"),
    ],
)
def test_what_tensorrt_rtx_lacks_is_refused_and_tensorrt_takes_it(given: dict[str, Any], flag: str) -> None:
    with pytest.raises(BuildError, match=f"tensorrt-rtx cannot do {flag}: .*leave the option out"):
        BuildOptions("tensorrt-rtx", "sm86", **given)
    assert flag in BuildOptions("tensorrt", **given).flags()


def test_tensorrt_builds_for_the_gpu_that_is_there() -> None:
    with pytest.raises(BuildError, match="tensorrt cannot do --computeCapabilities"):
        BuildOptions("tensorrt", "sm86")


def test_tensorrt_rtx_must_be_told_for_which_gpu() -> None:
    with pytest.raises(BuildError, match="--computeCapabilities, one of sm75"):
        BuildOptions("tensorrt-rtx")


@pytest.mark.parametrize("text", ["8.6", "86", "sm86", "SM86", " sm_86 "])
def test_targets_are_written_in_several_ways(text: str) -> None:
    assert parse_target(text) == "sm86"


def test_two_digits_before_the_last_are_a_target_too() -> None:
    assert (parse_target("12.0"), parse_target("sm120"), parse_target("current")) == ("sm120", "sm120", "current")


@pytest.mark.parametrize("text", ["", "rtx3060", "8", "sm8.6.1", "8,6"])
def test_what_is_no_target_is_quoted(text: str) -> None:
    with pytest.raises(BuildError, match="is no target"):
        parse_target(text)


def test_frames_are_width_by_height() -> None:
    assert parse_frame("1280x720") == parse_frame(" 1280X720 ") == (1280, 720)


@pytest.mark.parametrize("text", ["", "1280", "1280x", "x720", "1280x720x3", "-1x5", "1280*720", "1e3x720"])
def test_what_is_no_frame_is_quoted(text: str) -> None:
    with pytest.raises(BuildError, match=f"--frame: {re.escape(repr(text))} is no size; .*1280x720"):
        parse_frame(text)


def test_pools_count_in_mebibytes_as_trtexec_does() -> None:
    assert parse_pools("workspace:512") == 512 << 20
    assert parse_pools("workspace:1.5G") == 3 << 29


@pytest.mark.parametrize("text", ["512", "workspace", "workspace:0", "tacticSharedMem:4", "workspace:1T"])
def test_other_pools_are_refused(text: str) -> None:
    with pytest.raises(BuildError, match="--memPoolSize"):
        parse_pools(text)
