"""What the inspector's JSON says of a plan's layers, in the forms of TensorRT 8 and 10."""

from __future__ import annotations

import pytest
from inspector_text import IN_DETAIL, NAMES_ONLY

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
