"""A plan is believed only where both files are whole and library, target and GPU are those of this process."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.runtime.gpu import Gpu, gpu_here
from engine.runtime.plan_card import (
    BuiltOn,
    ParityCard,
    PlanCard,
    PlanError,
    PrecisionCard,
    ShapeRange,
    card_path,
    read_card,
    write_card,
)
from engine.runtime.preflight import check_plan
from engine.runtime.tensorrt_library import Library, LibraryMissingError, installed_library

CONTENT = b"not a plan: nothing here may ever deserialise it"
RTX = Library("tensorrt-rtx", "1.7.1.116", None)
TRT = Library("tensorrt", "10.13.0.35", None)
A2000, A6000, ADA = Gpu("RTX A2000", "8.6"), Gpu("RTX A6000", "8.6"), Gpu("RTX 4090", "8.9")


def plan_in(directory: Path, **changed: Any) -> Path:
    plan = directory / "landmark.mixed.sm86.plan"
    plan.write_bytes(CONTENT)
    fields: dict[str, Any] = {
        "graph": "landmark",
        "plan_sha256": hashlib.sha256(CONTENT).hexdigest(),
        "onnx_file": "landmark.onnx",
        "onnx_sha256": "ab" * 32,
        "weights": "blazepose",
        "library": RTX.name,
        "library_version": RTX.version,
        "target": "sm86",
        "gpu": None,
        "shapes": (ShapeRange("image", (1, 2), (1, 2), (16, 2)),),
        "precision": PrecisionCard("mixed", 3, 4, ("t1",)),
        "flags": {"--computeCapabilities": "sm86"},
        "cpu_parity": (),
    }
    write_card(plan, PlanCard(**(fields | changed)))
    return plan


def by_tensorrt(directory: Path, **flags: str) -> Path:
    return plan_in(
        directory,
        library=TRT.name,
        library_version=TRT.version,
        target="current",
        gpu=BuiltOn(A2000.name, A2000.compute_capability),
        flags={f"--{name}": value for name, value in flags.items()},
    )


def test_what_was_written_is_read_and_accepted(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    card = check_plan(plan, RTX, gpu=A2000, onnx_sha256="ab" * 32)
    assert card == read_card(plan) and card.digest() == card.card_sha256
    assert check_plan(plan, RTX, gpu=A6000) == card, "a target is a generation, not a model"


def test_a_missing_sidecar_is_refused(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    card_path(plan).unlink()
    with pytest.raises(PlanError, match=r"no readable sidecar landmark\.mixed\.sm86\.plan\.json.*di2pose build"):
        check_plan(plan, RTX, gpu=A2000)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"graph": 3}', "\x00\xff"])
def test_a_sidecar_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    plan = plan_in(tmp_path)
    card_path(plan).write_text(text, encoding="latin-1")
    with pytest.raises(PlanError, match="not a sidecar of this version"):
        check_plan(plan, RTX, gpu=A2000)


@pytest.mark.parametrize(
    ("field", "value"), [("target", "sm89"), ("library_version", "1.8.0"), ("parity", []), ("weights", "mine")]
)
def test_an_edited_sidecar_is_refused(tmp_path: Path, field: str, value: object) -> None:
    plan = plan_in(tmp_path)
    content = json.loads(card_path(plan).read_text())
    card_path(plan).write_text(json.dumps(content | {field: value}))
    with pytest.raises(PlanError, match="edited after the build"):
        check_plan(plan, RTX, gpu=A2000)


def test_another_format_and_unknown_fields_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="has format 2, this version reads 3"):
        read_card(plan_in(tmp_path, format_version=2))
    plan = plan_in(tmp_path)
    content = json.loads(card_path(plan).read_text())
    card_path(plan).write_text(json.dumps(content | {"run_this": "please"}))
    with pytest.raises(PlanError, match="run_this"):
        read_card(plan)


def test_an_edited_plan_is_refused_and_the_command_mends_it(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    plan.write_bytes(CONTENT + b"!")
    with pytest.raises(PlanError, match="not the one that was built") as caught:
        check_plan(plan, RTX, gpu=A2000)
    command = (
        f"di2pose build --library tensorrt-rtx --precision mixed --graph landmark --out {tmp_path} "
        f"--computeCapabilities sm86"
    )
    assert command in str(caught.value)


def test_a_missing_plan_is_refused(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    plan.unlink()
    with pytest.raises(PlanError, match="cannot be read"):
        check_plan(plan, RTX, gpu=A2000)


def test_another_version_and_another_library_are_refused(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    newer = Library("tensorrt-rtx", "1.8.0.1", None)
    with pytest.raises(PlanError, match=r"built by tensorrt-rtx 1\.7\.1\.116, installed is 1\.8\.0\.1"):
        check_plan(plan, newer, gpu=A2000)
    with pytest.raises(PlanError, match="built by tensorrt-rtx, and tensorrt was chosen.*--library tensorrt "):
        check_plan(plan, TRT, gpu=A2000)


def test_another_generation_is_refused_and_its_own_target_is_proposed(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"built for sm86, RTX 4090.* is here.*--computeCapabilities sm89"):
        check_plan(plan_in(tmp_path), RTX, gpu=ADA)


def test_without_a_gpu_no_plan_is_accepted(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="needs an NVIDIA GPU .sm86.*none is usable here"):
        check_plan(plan_in(tmp_path), RTX, gpu=None)


def test_a_plan_for_the_gpu_that_built_it_wants_that_one(tmp_path: Path) -> None:
    plan = by_tensorrt(tmp_path)
    check_plan(plan, TRT, gpu=A2000)
    for gpu in (A6000, ADA):
        with pytest.raises(PlanError, match=f"built on RTX A2000.*{gpu.name}.* is here"):
            check_plan(plan, TRT, gpu=gpu)


def test_compatible_plans_are_accepted_as_far_as_they_promise(tmp_path: Path) -> None:
    same = by_tensorrt(tmp_path, hardwareCompatibilityLevel="sameComputeCapability")
    check_plan(same, TRT, gpu=A6000)
    with pytest.raises(PlanError, match="built on"):
        check_plan(same, TRT, gpu=ADA)
    ampere = by_tensorrt(tmp_path, hardwareCompatibilityLevel="ampere+")
    check_plan(ampere, TRT, gpu=ADA)
    with pytest.raises(PlanError, match="built on"):
        check_plan(ampere, TRT, gpu=Gpu("RTX 2060", "7.5"))
    lasting = by_tensorrt(tmp_path, versionCompatible="")
    check_plan(lasting, Library("tensorrt", "11.1.0.2", None), gpu=A2000)
    with pytest.raises(PlanError, match="installed is 10.2"):
        check_plan(lasting, Library("tensorrt", "10.2.0.1", None), gpu=A2000)


def test_a_plan_that_failed_on_a_gpu_is_refused_and_a_wider_one_proposed(tmp_path: Path) -> None:
    good, bad = (ParityCard("joints", "mm", mean, 5.0, 1.0, 10.0, 9) for mean in (0.9, 1.1))
    check_plan(plan_in(tmp_path, parity=(good,)), RTX, gpu=A2000)
    with pytest.raises(PlanError, match=r"failed its comparison .*mean 1\.10 mm .limit 1.*--precision fp32"):
        check_plan(plan_in(tmp_path, parity=(good, bad)), RTX, gpu=A2000)


def test_the_card_says_null_for_what_nobody_knows(tmp_path: Path) -> None:
    content = json.loads(card_path(plan_in(tmp_path)).read_text())
    assert content["gpu"] is None and content["precision"]["found"] is None and content["parity"] == "pending"
    assert msgspec.json.decode(card_path(plan_in(tmp_path)).read_bytes(), type=PlanCard).sealed().card_sha256


def test_an_unknown_library_is_refused_and_the_gpu_is_a_gpu_or_none() -> None:
    with pytest.raises(LibraryMissingError, match="choose tensorrt or tensorrt-rtx"):
        installed_library("openvino")
    found = gpu_here()
    assert found is None or float(found.compute_capability) > 1
    assert gpu_here(999) is None
