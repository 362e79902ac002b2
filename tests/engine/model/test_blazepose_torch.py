"""Law: the torch module and the ONNX graph, made from one description, compute the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.blazepose import networks
from engine.blazepose.simplify import simplified
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend

torch = pytest.importorskip("torch", reason="needs the extra 'train'")


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).random((2, 256, 256, 3), dtype=np.float32)


@pytest.mark.parametrize("network", [networks.FULL, networks.HEAVY], ids=lambda network: network.name)
def test_landmark_network(networks_dir: Path, image: np.ndarray, network: networks.LandmarkNetwork) -> None:
    from engine.model.blazepose_torch import BlazePoseNetwork

    outputs = (*networks.LANDMARK_OUTPUTS, *network.features)
    module = BlazePoseNetwork(networks.landmark_graph(network, outputs=outputs)).eval()
    with torch.no_grad():
        found = module(torch.from_numpy(image))
    with OnnxRuntimeBackend(networks.landmark_onnx(network, features=tuple(network.features))) as backend:
        expected = backend.run({"image": image})
    assert set(found) == set(expected)
    for name, values in expected.items():  # on noise landmarks reach hundreds, of which float32 keeps four digits here
        limit = 0.05 if name == "landmarks" else 2e-3
        np.testing.assert_allclose(found[name].numpy(), values, rtol=1e-4, atol=limit, err_msg=name)


def test_detector_with_and_without_rewriting(networks_dir: Path) -> None:
    from engine.model.blazepose_torch import BlazePoseNetwork

    picture = np.random.default_rng(1).uniform(-1, 1, (2, 224, 224, 3)).astype(np.float32)
    with OnnxRuntimeBackend(networks.detector_onnx()) as backend:
        expected = backend.run({"image": picture})
    for graph in (networks.detector_graph(), simplified(networks.detector_graph())):
        with torch.no_grad():
            found = BlazePoseNetwork(graph)(torch.from_numpy(picture))
        for name, values in expected.items():
            np.testing.assert_allclose(found[name].numpy(), values, atol=5e-3, err_msg=name)


def test_weights_are_trainable_and_have_the_published_number(networks_dir: Path, image: np.ndarray) -> None:
    from engine.model.blazepose_torch import BlazePoseNetwork

    module = BlazePoseNetwork(networks.landmark_graph(networks.FULL))
    count = sum(parameter.numel() for parameter in module.parameters())
    assert 3.1e6 < count < 3.2e6
    module(torch.from_numpy(image[:1]))["world"].sum().backward()
    assert module.weights[str(module._graph.ops[0].output)].grad.abs().max() > 0  # down to the first convolution
