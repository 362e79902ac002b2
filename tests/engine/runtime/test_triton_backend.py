"""Laws of the Triton backend, against a peer that speaks Triton's protocol on a socket, or a real server.

`DI2POSE_TRITON=HOST:PORT` names a server that serves `di2pose export triton` of this version; it is asked as well.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import skimage.data

pytest.importorskip("tritonclient.grpc", reason="needs the extra triton: pip install 'di2pose[triton]'")

from triton_peer import TritonPeer, serving

from engine.blazepose.warp import cut
from engine.body.camera import Camera
from engine.body.crop import PersonCrop, Region
from engine.build.graphs import KNOWN, graph_named
from engine.build.triton_repository import served_model, write_repository
from engine.runtime.backend import Backend, BackendError, TensorInfo
from engine.runtime.blazepose_encoder import BlazePoseEncoder
from engine.runtime.di2pose_estimator import Di2PoseEstimator
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend
from engine.runtime.triton_backend import TritonBackend, TritonServer

MAX_ROWS = 3
PICTURE = np.zeros((1, 224, 224, 3), np.float32)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, networks_dir: Path) -> Path:
    """Every graph of the line, exported."""
    directory = tmp_path_factory.mktemp("triton") / "repository"
    write_repository(directory, [served_model(graph_named(name), max_batch=MAX_ROWS) for name in KNOWN])
    return directory


@pytest.fixture(scope="module")
def peer(repository: Path) -> TritonPeer:
    return TritonPeer(repository)


@pytest.fixture(scope="module")
def peer_address(peer: TritonPeer) -> Iterator[str]:
    with serving(peer) as address:
        yield address


@pytest.fixture(params=["peer", "server"])
def address(request: pytest.FixtureRequest) -> str:
    if request.param == "peer":
        return request.getfixturevalue("peer_address")
    if "DI2POSE_TRITON" not in os.environ:
        pytest.skip("no real Triton server named; set DI2POSE_TRITON=HOST:PORT")
    return os.environ["DI2POSE_TRITON"]


def drawn(info: TensorInfo, rows: int, rng: np.random.Generator) -> np.ndarray:
    sizes = [rows if isinstance(size, str) else size for size in info.shape]
    return (rng.random(sizes, np.float32) * (255 if info.dtype == "uint8" else 1)).astype(info.dtype)


@pytest.mark.parametrize("name", KNOWN)
def test_every_graph_describes_itself_and_answers_as_in_this_process(address: str, name: str) -> None:
    if not TritonServer(address).has(name):
        pytest.skip(f"the server named by DI2POSE_TRITON has no {name}; export it with --graph {name}")
    graph = graph_named(name)
    rng = np.random.default_rng(0)
    served: Backend = TritonServer(address).backend(name)
    with OnnxRuntimeBackend(graph.path) as here, served:
        assert (served.inputs, served.outputs) == (here.inputs, here.outputs)
        for rows in (1, MAX_ROWS):
            inputs = {info.name: drawn(info, rows, rng) for info in here.inputs}
            expected, found = here.run(inputs), served.run(inputs)
            assert list(found) == list(expected)
            for key, array in expected.items():
                assert (found[key].dtype, found[key].shape) == (array.dtype, array.shape)
                np.testing.assert_allclose(found[key], array, rtol=1e-3, atol=1e-2)


def test_the_estimator_gives_the_same_poses_over_it(address: str) -> None:
    picture, frame_from_crop = cut(skimage.data.astronaut(), Region((225.0, 330.0), 700.0, 0.0), 256)
    crops, camera = [PersonCrop(1, picture, frame_from_crop)], Camera.from_fov((512, 512), 55)
    server = TritonServer(address)
    with (
        OnnxRuntimeBackend(graph_named("landmark").path) as landmark,
        OnnxRuntimeBackend(graph_named("live").path) as live,
        server.backend("landmark") as far_landmark,
        server.backend("live") as far_live,
    ):
        [here] = Di2PoseEstimator(BlazePoseEncoder(landmark), live, "here").poses(crops, camera)
        far = Di2PoseEstimator(BlazePoseEncoder(far_landmark), far_live, far_live.weights, hypotheses=3)
        [there] = far.poses(crops, camera)
    assert far.weights == f"di2pose-{graph_named('live').sha256[:16]}"
    np.testing.assert_allclose(there.joints_mm, here.joints_mm, atol=0.5)
    np.testing.assert_allclose(there.joints_px, here.joints_px, atol=0.2)
    assert there.hypotheses_mm is not None and len(there.hypotheses_mm) == 3


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"z": PICTURE}, r"detector.* takes the inputs \['image'\], got \['z'\]"),
        ({}, r"takes the inputs \['image'\], got \[\]"),
        ({"image": PICTURE[:, 1:]}, r"'image' must be \('batch', 224, 224, 3\) float32, got \(1, 223, 224, 3\)"),
        ({"image": PICTURE[0]}, r"got \(224, 224, 3\) float32"),
        ({"image": PICTURE.astype(np.float64)}, r"got \(1, 224, 224, 3\) float64"),
    ],
)
def test_wrong_input_is_named_before_it_is_sent(address: str, inputs: dict[str, np.ndarray], message: str) -> None:
    with TritonBackend(address, "detector") as backend, pytest.raises(BackendError, match=message):
        backend.run(inputs)


def test_more_rows_than_the_server_joins_are_refused_with_the_cure(peer_address: str) -> None:
    with (
        TritonBackend(peer_address, "detector") as backend,
        pytest.raises(BackendError, match=r"at most 3 rows, got 4; export it again with --max-batch 4"),
    ):
        backend.run({"image": np.repeat(PICTURE, 4, axis=0)})


def test_what_the_server_refuses_is_passed_on(address: str) -> None:
    rows = {"points": (1, 33, 17), "at_points": (2, 33, 48), "trunk_2": (1, 4, 288), "trunk_4": (1, 16, 288)}
    inputs = {name: np.zeros(shape, np.float32) for name, shape in (rows | {"view": (1, 3)}).items()}
    with TritonBackend(address, "live") as backend:
        inputs["noise"] = np.zeros([int(size) for size in backend.inputs[-1].shape], np.float32)
        with pytest.raises(BackendError, match=r"'live' on the Triton server .* could not be run \(.+: .+\); .*log"):
            backend.run(inputs)


def test_an_unknown_model_is_refused_with_those_that_are_there(address: str) -> None:
    with (
        pytest.raises(BackendError, match=r"'nobody' .*not ready: the server has detector, .*live; export it"),
        TritonBackend(address, "nobody"),
    ):
        pass


def test_a_model_that_failed_to_load_is_refused_with_the_servers_reason(repository: Path) -> None:
    with (
        serving(TritonPeer(repository, broken={"live": "out of memory"})) as address,
        pytest.raises(BackendError, match="'live' .*not ready: out of memory; mend that on the server"),
        TritonBackend(address, "live"),
    ):
        pass


def test_no_server_is_an_error_with_address_and_cure() -> None:
    with (
        pytest.raises(BackendError, match=r"127\.0\.0\.1:1 cannot be reached .*start the server, check host and gRPC"),
        TritonBackend("127.0.0.1:1", "detector", timeout_s=5),
    ):
        pass


def test_a_slow_answer_ends_in_time_and_the_next_one_is_heard(peer: TritonPeer, peer_address: str) -> None:
    with TritonBackend(peer_address, "detector", timeout_s=0.5) as backend:
        peer.delay_s = 2.0
        try:
            with pytest.raises(BackendError, match=r"gave no answer within 0\.5 s; .*fewer lines"):
                backend.run({"image": PICTURE})
        finally:
            peer.delay_s = 0.0
        assert backend.run({"image": PICTURE})["scores"].shape == (1, 2254, 1)


def test_a_server_that_comes_back_is_found_again(repository: Path) -> None:
    with ExitStack() as first_server, ExitStack() as connected:
        address = first_server.enter_context(serving(TritonPeer(repository)))
        backend = connected.enter_context(TritonBackend(address, "detector"))
        backend.run({"image": PICTURE})
        first_server.close()
        with pytest.raises(BackendError, match="cannot be reached"):
            backend.run({"image": PICTURE})
        with serving(TritonPeer(repository), port=int(address.rpartition(":")[2])):
            assert "boxes" in answered(backend, patience_s=20.0)


def answered(backend: TritonBackend, *, patience_s: float) -> dict[str, np.ndarray]:
    """The client looks for a lost server about once a second, and asks fail in between."""
    end_s = time.monotonic() + patience_s
    while True:
        try:
            return backend.run({"image": PICTURE})
        except BackendError:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.1)


def test_it_works_only_inside_with_and_can_be_entered_again(peer_address: str) -> None:
    backend = TritonBackend(peer_address, "detector")
    for _ in range(2):
        with pytest.raises(BackendError, match="not connected; use the backend in a 'with' block"):
            backend.run({"image": PICTURE})
        with backend:
            assert "boxes" in backend.run({"image": PICTURE})


def test_a_repository_made_by_hand_tells_no_weights(repository: Path, tmp_path: Path) -> None:
    folder = tmp_path / "detector"
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.onnx").symlink_to(repository / "detector" / "1" / "model.onnx")
    lines = (repository / "detector" / "config.pbtxt").read_text().splitlines()
    (folder / "config.pbtxt").write_text("\n".join(line for line in lines if not line.startswith("parameters")))
    with (
        serving(TritonPeer(tmp_path)) as address,
        TritonBackend(address, "detector") as backend,
        pytest.raises(BackendError, match="does not tell which weights it has; serve a repository of `di2pose export"),
    ):
        _ = backend.weights


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tritonclient.grpc", None)
    with (
        pytest.raises(BackendError, match=r"client cannot be imported .*pip install 'di2pose\[triton\]'"),
        TritonBackend("127.0.0.1:8001", "detector"),
    ):
        pass


@pytest.mark.parametrize(
    "wrong", ["http://127.0.0.1:8001", "127.0.0.1", "host:port", ":8001", "", "grpc://host:8001/v2"]
)
def test_an_address_of_another_form_is_refused(wrong: str) -> None:
    with pytest.raises(BackendError, match=r"no address of a Triton server; give HOST:PORT"):
        TritonServer(wrong).backend("live")


@pytest.mark.parametrize("timeout_s", [0.0, -1.0, float("nan")])
def test_a_timeout_must_be_above_zero(timeout_s: float) -> None:
    with pytest.raises(BackendError, match="must be above 0 s"):
        TritonBackend("127.0.0.1:8001", "live", timeout_s=timeout_s)
