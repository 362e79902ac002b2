"""The choice of what runs the networks: by name and device, and `auto` by what is there."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from fake_gpu import HERE

from engine.build.graphs import encoder_path
from engine.runtime.device import CPU, FIRST_GPU, Device, DeviceError
from engine.runtime.di2pose_estimator import shipped_graph
from engine.runtime.networks import Networks, OnnxRuntimeNetworks
from engine.runtime.plan_choice import NoPlanError
from engine.runtime.plan_networks import AutoNetworks, PlanNetworks
from engine.runtime.triton_networks import TritonNetworks
from realtime.backends import BACKENDS, BackendChoice
from realtime.config import ConfigError, LineConfig
from realtime.parts import camera_choice, detector_graph, estimator_graphs, estimator_named, live_parts
from realtime.sources import SourceOptions, open_source
from realtime.track_file import tracked


def no_torch(device: Device) -> Networks:
    raise AssertionError(f"torch was asked for on {device}")


def networks_of(
    backend: str, device: Device | None = None, gpu: object = None, engines: Path | None = None
) -> Networks:
    return BackendChoice(backend, device, engines).networks(no_torch, gpu_of=lambda _: gpu)


def test_each_name_has_its_networks() -> None:
    assert isinstance(networks_of("auto"), AutoNetworks)
    assert isinstance(networks_of("onnxruntime"), OnnxRuntimeNetworks)
    assert isinstance(networks_of("tensorrt"), PlanNetworks)
    assert isinstance(networks_of("tensorrt-rtx"), PlanNetworks)
    asked: list[Device] = []

    def torch(device: Device) -> Networks:
        asked.append(device)
        return OnnxRuntimeNetworks()

    BackendChoice("torch").networks(torch)
    BackendChoice("torch", FIRST_GPU).networks(torch)
    assert asked == [CPU, FIRST_GPU]
    assert isinstance(BackendChoice("triton", triton_address="localhost:8001").networks(torch), TritonNetworks)
    assert set(BACKENDS) == {"auto", "onnxruntime", "torch", "tensorrt", "tensorrt-rtx", "triton"}
    with pytest.raises(ConfigError, match="there is no backend 'openvino'; choose among auto"):
        BackendChoice("openvino")


def test_a_device_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(DeviceError, match="onnxruntime runs on the CPU here"):
        networks_of("onnxruntime", FIRST_GPU)
    with pytest.raises(DeviceError, match="run on an NVIDIA GPU, not on cpu"):
        networks_of("tensorrt", CPU)


@pytest.mark.parametrize(
    ("device", "gpu", "engines", "said"),
    [
        (None, None, "plans", "no NVIDIA GPU cuda:0 is usable here"),
        (Device(2), None, "plans", "no NVIDIA GPU cuda:2 is usable here"),
        (CPU, HERE, "plans", "--device cpu was asked for"),
        (None, HERE, "nowhere", "there is no plan of the landmark_full graph"),
    ],
)
def test_auto_says_one_line_per_graph_with_the_reason(
    device: Device | None, gpu: object, engines: str, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    networks = networks_of("auto", device, gpu, tmp_path / engines)
    with estimator_named("blazepose", LineConfig(), networks=networks):
        pass
    lines = [record.getMessage() for record in caplog.records if record.name == "engine.runtime.networks"]
    assert len(lines) == 1 and lines[0].startswith("landmark_full: onnxruntime on cpu (") and said in lines[0]


def test_an_explicit_choice_without_a_plan_names_the_command(tmp_path: Path) -> None:
    networks = networks_of("tensorrt-rtx", gpu=HERE, engines=tmp_path)
    with (
        pytest.raises(
            NoPlanError, match=r"Build one: di2pose build --library tensorrt-rtx .*--graph landmark .*sm86 --out"
        ),
        estimator_named("di2pose", LineConfig(), networks=networks),
    ):
        pass


def test_auto_without_a_gpu_gives_exactly_what_onnxruntime_gives() -> None:
    made = []
    for networks in (networks_of("auto"), networks_of("onnxruntime"), None):
        source = open_source("demo", SourceOptions(pace="max"))
        with live_parts("di2pose", LineConfig(), camera_of=camera_choice(), networks=networks) as parts, source:
            poses: list[np.ndarray] = []
            tracked(
                source, parts, on_frame=lambda _, people, poses=poses: poses.extend(p.pose.joints_mm for p in people)
            )
        made.append(np.stack(poses))
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[1], made[2])


def test_both_networks_of_a_crop_run_in_eight_bits_on_this_cpu_and_in_single_precision_elsewhere() -> None:
    """Plans are built of the graph in single precision; blazepose has a network, and so a graph, of its own."""
    on_cpu, as_plans = networks_of("onnxruntime"), networks_of("tensorrt")
    quick, exact = (estimator_graphs("di2pose", networks) for networks in (on_cpu, as_plans))
    assert all("8bit" in quick[graph].name for graph in ("landmark", "live"))
    assert (exact["landmark"], exact["live"]) == (encoder_path(), shipped_graph())
    assert estimator_graphs("di2pose", networks_of("auto")) == quick  # no plan fits here
    detectors = [detector_graph(name, on_cpu).name for name in ("di2pose", "blazepose")]
    assert ["8bit" in name for name in detectors] == [True, False]
    assert detector_graph("di2pose", as_plans).name == detectors[1]
    full = estimator_graphs("blazepose", on_cpu)
    assert list(full) == ["landmark_full"] and full == estimator_graphs("blazepose", as_plans)
