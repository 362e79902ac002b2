"""The whole line over Triton's protocol: the same poses as in this process, and no other graph than here."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data

pytest.importorskip("tritonclient.grpc", reason="needs the extra triton: pip install 'di2pose[triton]'")

from single_precision import SinglePrecision
from triton_peer import TritonPeer, serving

from engine.build.graphs import FUSED, GRAPHS, graph_named
from engine.build.triton_repository import served_model, write_repository
from engine.runtime.backend import BackendError
from engine.runtime.networks import OnnxRuntimeNetworks
from engine.runtime.triton_backend import TritonServer
from engine.runtime.triton_networks import TritonNetworks
from realtime.backends import BackendChoice
from realtime.config import ConfigError, LineConfig
from realtime.frame import Frame
from realtime.parts import camera_choice, estimator_graphs, live_parts


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, networks_dir: Path) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("triton") / "repository"
    write_repository(directory, [served_model(graph_named(name), max_batch=4) for name in GRAPHS])
    with serving(TritonPeer(directory)) as found:
        yield found


def no_torch(_: object) -> OnnxRuntimeNetworks:
    raise AssertionError("torch was not asked for")


def test_a_line_on_a_server_gives_the_poses_of_a_line_here(address: str) -> None:
    frame = Frame(0, 0, skimage.data.astronaut(), 0.0)
    found = []
    over_triton = BackendChoice("triton", triton_address=address).networks(no_torch)
    for networks in (SinglePrecision(), over_triton):
        with live_parts("di2pose", LineConfig(), camera_of=camera_choice(), networks=networks) as parts:
            found.append(parts.line.people(frame))
            weights = parts.estimator.weights
    here, there = found
    assert len(here) == len(there) == 1
    np.testing.assert_allclose(there[0].pose.joints_mm, here[0].pose.joints_mm, atol=0.5)
    assert weights.startswith("di2pose-")
    assert over_triton.in_use == dict.fromkeys(GRAPHS, f"Triton at {address}")


def test_where_the_server_has_the_fused_graph_it_takes_the_place_of_two(networks_dir: Path, tmp_path: Path) -> None:
    models = [served_model(graph_named(name), max_batch=4) for name in ("detector", FUSED)]
    write_repository(tmp_path / "repository", models)
    frame = Frame(0, 0, skimage.data.astronaut(), 0.0)
    with serving(TritonPeer(tmp_path / "repository")) as address:
        networks = TritonNetworks(TritonServer(address))
        found = []
        for running in (SinglePrecision(), networks):
            with live_parts("di2pose", LineConfig(), camera_of=camera_choice(), networks=running) as parts:
                found.append(parts.line.people(frame))
    here, there = found
    assert len(here) == len(there) == 1
    np.testing.assert_allclose(there[0].pose.joints_mm, here[0].pose.joints_mm, atol=0.5)
    assert networks.in_use == dict.fromkeys(("detector", FUSED), f"Triton at {address}")


@pytest.mark.parametrize(
    ("broken", "said"), [({}, "serves another fused graph"), ({FUSED: "no memory left"}, "not ready: no memory left")]
)
def test_a_fused_graph_that_cannot_be_used_is_passed_by_and_that_is_said(
    networks_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, broken: dict[str, str], said: str
) -> None:
    caplog.set_level(logging.INFO)
    other = dataclasses.replace(graph_named("detector"), name=FUSED)
    write_repository(tmp_path / "repository", [served_model(other, max_batch=4)])
    with serving(TritonPeer(tmp_path / "repository", broken=broken)) as address:
        networks = TritonNetworks(TritonServer(address))
        assert list(estimator_graphs("di2pose", networks)) == ["landmark", "live"]
    assert [text for text in caplog.messages if text.startswith("fused: not used (") and said in text]


def test_another_graph_than_here_is_refused(address: str, tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(b"another graph")
    networks = TritonNetworks(TritonServer(address))
    with (
        pytest.raises(BackendError, match="serves another live graph .* than other.onnx here .*export it again"),
        networks.opened("live", other, threads=1),
    ):
        pass


@pytest.mark.parametrize("choice", [{"backend": "triton"}, {"triton_address": "localhost:8001"}])
def test_backend_and_address_go_together(choice: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="--backend triton and --triton-url HOST:PORT go together"):
        BackendChoice(**choice)  # type: ignore[arg-type]
