"""Law: our ONNX graphs compute what LiteRT computes from the same files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.blazepose import networks
from engine.blazepose.fetch import DETECTOR
from engine.runtime.onnxruntime_backend import OnnxRuntimeBackend

litert = pytest.importorskip("ai_edge_litert.interpreter", reason="needs ai-edge-litert, the reference")
data = pytest.importorskip("skimage.data", reason="needs scikit-image, the photograph")

FEATURE_CHANNELS = {
    "backbone_64": 24, "backbone_32": 32, "backbone_16": 88, "backbone_8": 144,
    "pyramid_8": 48, "pyramid_16": 48, "pyramid_32": 48, "pyramid_64": 48,
    "trunk_8": 288, "trunk_4": 288, "trunk_2": 288,
}  # fmt: skip


def reference(path: Path, image: np.ndarray) -> dict[str, np.ndarray]:
    """Every tensor of the file by its name, computed for one picture."""
    interpreter = litert.Interpreter(
        str(path),
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=litert.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    tables = (networks.LANDMARK_OUTPUTS, networks.FULL.features, networks.HEAVY.features, networks.DETECTOR_OUTPUTS)
    wanted = {tensor for table in tables for tensor in table.values()}
    details = [each for each in interpreter.get_tensor_details() if each["name"] in wanted]
    return {each["name"]: interpreter.get_tensor(each["index"]) for each in details}


def pictures(size_px: int, *, lowest: float) -> list[np.ndarray]:
    """A random picture and a real one, (1, size, size, 3) in lowest..1."""
    generator = np.random.default_rng(0)
    photo = data.astronaut()[:: 512 // size_px, :: 512 // size_px][:size_px, :size_px] / 255
    both = (generator.random((size_px, size_px, 3)), photo)
    return [(each * (1 - lowest) + lowest).astype(np.float32)[None] for each in both]


def worst(found: np.ndarray, expected: np.ndarray) -> float:
    if expected.ndim == 4:
        expected = expected.transpose(0, 3, 1, 2)
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max())


@pytest.mark.parametrize("network", [networks.FULL, networks.HEAVY], ids=lambda network: network.name)
@pytest.mark.parametrize("kind", ["random", "real"])
def test_landmark_network(networks_dir: Path, kind: str, network: networks.LandmarkNetwork) -> None:
    image = pictures(256, lowest=0)[kind == "real"]
    expected = reference(networks_dir / network.file.name, image)
    with OnnxRuntimeBackend(networks.landmark_onnx(network, features=tuple(network.features))) as backend:
        found = backend.run({networks.INPUT_NAME: image})
    limits = {"landmarks": 0.01, "world": 1e-4, "presence": 1e-5, "heatmap": 1e-2}  # px, metres, 1, logit
    assert set(found) == {*networks.LANDMARK_OUTPUTS, *network.features}
    for name, tensor in {**networks.LANDMARK_OUTPUTS, **network.features}.items():
        assert worst(found[name], expected[tensor]) < limits.get(name, 1e-3), name


@pytest.mark.parametrize("kind", ["random", "real"])
def test_detector(networks_dir: Path, kind: str) -> None:
    image = pictures(224, lowest=-1)[kind == "real"]
    expected = reference(networks_dir / DETECTOR.name, image)
    with OnnxRuntimeBackend(networks.detector_onnx()) as backend:
        found = backend.run({networks.INPUT_NAME: image})
    for name, tensor in networks.DETECTOR_OUTPUTS.items():
        assert worst(found[name], expected[tensor]) < 0.01, name  # px of the input, logit


@pytest.mark.parametrize("network", [networks.FULL, networks.HEAVY], ids=lambda network: network.name)
def test_feature_maps_have_their_documented_shapes(networks_dir: Path, network: networks.LandmarkNetwork) -> None:
    assert networks.FEATURE_CHANNELS == FEATURE_CHANNELS
    with OnnxRuntimeBackend(networks.landmark_onnx(network, features=tuple(network.features))) as backend:
        shapes = {info.name: info.shape for info in backend.outputs}
    for name in network.features:
        side = int(name.split("_")[1])
        assert shapes[name] == ("batch", FEATURE_CHANNELS[name], side, side)


def test_each_row_of_a_batch_is_what_it_is_alone(networks_dir: Path) -> None:
    rows = np.concatenate([*pictures(256, lowest=0), np.zeros((1, 256, 256, 3), np.float32)])
    with OnnxRuntimeBackend(networks.landmark_onnx(networks.HEAVY, features=("trunk_2",))) as backend:
        together = {name: values.copy() for name, values in backend.run({"image": rows}).items()}
        for row in range(len(rows)):
            alone = backend.run({"image": rows[row : row + 1]})
            for name, values in alone.items():
                np.testing.assert_allclose(together[name][row], values[0], atol=2e-3, err_msg=name)


def test_the_live_graph_holds_no_segmentation(networks_dir: Path) -> None:
    graph = networks.landmark_graph(networks.FULL)
    assert all(graph.shapes[op.output][1:] not in ((256, 256, 8), (128, 128, 8)) for op in graph.ops)
    with pytest.raises(KeyError, match="has no output 'segmentation'; it has landmarks"):
        networks.landmark_graph(networks.FULL, outputs=("segmentation",))
