"""What the inspector's JSON says of a plan's layers, in the forms of TensorRT 8, 10 and 11."""

from __future__ import annotations

import importlib.util
import json
import mmap
import os
from pathlib import Path

import pytest
from inspector_text import IN_DETAIL, IN_PARTS, NAMES_ONLY

from engine.runtime.layer_types import InspectionError, layer_types


def test_layers_are_counted_by_class_and_by_the_types_that_they_take_and_give() -> None:
    assert layer_types(IN_DETAIL) == {
        "CaskConvolution": {"float16": 2, "int8 to float16": 1},
        "Reformat": {"float32 to float16": 1},
        "gemm": {"float16": 1},
        "kgen": {"float16, int32 to float32": 1, "float32": 1},
    }


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Row major linear FP32", "float32"),
        ("Channel major FP16 format where channel % 8 == 0", "float16"),
        ("Thirty-two wide channel vectorized row major Int8 format.", "int8"),
        ("Half", "float16"),
        ("Float", "float32"),
        ("BFloat16", "bfloat16"),
        ("FP8", "float8"),
        ("UInt8", "uint8"),
        ("Bool", "bool"),
    ],
)
def test_types_are_found_in_sentences_and_as_names(told: str, name: str) -> None:
    tensor = f'{{"Name": "a", "Format/Datatype": "{told}"}}'
    text = f'{{"Layers": [{{"LayerType": "kgen", "Inputs": [{tensor}], "Outputs": [{tensor}]}}]}}'
    assert layer_types(text) == {"kgen": {name: 1}}
    assert layer_types(text.replace("Format/Datatype", "Datatype")) == {"kgen": {name: 1}}


@pytest.mark.parametrize("key", ["Datatype", "DataType"])
def test_the_type_is_told_beside_a_layout_that_depends_on_shapes(key: str) -> None:
    """As TensorRT 11 and TensorRT for RTX write it; NVIDIA's page on moving to 11 has the other spelling."""
    assert layer_types(IN_PARTS.replace('"Datatype"', f'"{key}"')) == {
        "CaskConvolution": {"float16": 1},
        "kgen": {"float32 to float16": 1},
    }


def test_a_layout_without_a_type_beside_it_names_the_type() -> None:
    assert layer_types(IN_PARTS.replace(', "Datatype": "Float"', ""))["kgen"] == {"float32 to float16": 1}
    assert layer_types(IN_PARTS.replace(', "Datatype": "Half"', ""))["kgen"] == {"float32 to untold": 1}


def test_the_installed_library_writes_the_keys_that_are_read() -> None:
    """Its inspector speaks only on a GPU, but its words lie in its file."""
    found = importlib.util.find_spec("tensorrt_rtx_libs")
    if found is None or not found.submodule_search_locations:
        pytest.skip("needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    (library,) = Path(found.submodule_search_locations[0]).glob("libtensorrt_rtx.so*")
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        assert content.find(b"\0Datatype\0") >= 0 and content.find(b'{"Layers": [') >= 0
        assert content.find(b"\0Row major linear FP16 format (kLINEAR)\0") >= 0


def test_texts_of_real_plans_tell_every_type() -> None:
    """Of yours by `trtexec --exportLayerInfo`, or of NVIDIA's: ten in github.com/NVIDIA/TensorRT, tag v10.0.0, under
    tools/experimental/trt-engine-explorer, which are not part of this repository."""
    folder = os.environ.get("DI2POSE_LAYER_INFO")
    if folder is None:
        pytest.skip("set DI2POSE_LAYER_INFO to a folder with *.graph.json of plans that were built in detail")
    texts = {path.name: path.read_text() for path in sorted(Path(folder).rglob("*.graph.json"))}
    assert texts, f"there are no *.graph.json in {folder}"
    for name, text in texts.items():
        found = layer_types(text)
        assert sum(sum(counts.values()) for counts in found.values()) == len(json.loads(text)["Layers"]), name
        assert not [types for counts in found.values() for types in counts if "untold" in types], name


def test_what_depends_on_shapes_is_untold_and_does_not_hide_the_rest() -> None:
    text = IN_DETAIL.replace("Row major linear FP32", "N/A due to dynamic shapes")
    assert layer_types(text)["Reformat"] == {"untold to float16": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (NAMES_ONLY, "types of none of 2 layers: the plan was built without detail.*di2pose build"),
        ('{"Layers": []}', "names no layers"),
        ('{"Layers": 3}', "names no layers"),
        ("[]", "not understood .TypeError"),
        ('{"Bindings": []}', "not understood .KeyError"),
        ("", "not understood .DecodeError.*install a release"),
    ],
)
def test_what_tells_nothing_is_an_error_with_a_cure(text: str, said: str) -> None:
    with pytest.raises(InspectionError, match=said):
        layer_types(text)
