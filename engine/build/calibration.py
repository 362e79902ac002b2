"""The ranges of a graph's tensors, seen on real people, and where Q/DQ pairs go: by onnxruntime's own quantizer.

Symmetric throughout, as TensorRT asks: one step per channel of a weight, one per activation, found as the largest
number seen (docs/experiments.md says why not by percentiles or entropy). Only the inputs of products with stored
weights are quantized; biases, sums and outputs are not.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import version_converter

from engine.build.build_error import BuildError
from engine.build.precision import stored_in_single

METHOD = "minmax"
PRODUCTS = ("Conv", "MatMul", "Gemm")
_OPSET = 19
"""The first in which a DequantizeLinear may give half precision, and the first with float8."""
_IR_VERSION = 10

Inputs = Mapping[str, NDArray[np.float32]]


def ready_to_quantize(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy in an opset that has what Q/DQ needs, with weights in single precision. BuildError where that fails."""
    copy = stored_in_single(model)
    opset = max(entry.version for entry in copy.opset_import if entry.domain in ("", "ai.onnx"))
    if opset < _OPSET:
        try:
            copy = version_converter.convert_version(copy, _OPSET)
        except RuntimeError as error:  # the converter's own class derives from it
            raise BuildError(
                f"the graph of opset {opset} cannot be lifted to {_OPSET}, which 8 bits need: {error}"
            ) from error
    copy.ir_version = max(copy.ir_version, _IR_VERSION)
    return copy


def calibrated(model: onnx.ModelProto, inputs: Inputs) -> onnx.ModelProto:
    """The graph of `ready_to_quantize` with int8 Q/DQ at every product that has stored weights.

    inputs: of the calibration people, shown one by one. BuildError with onnxruntime's words where it fails.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static  # imports sympy: half a second

    given = onnx.ModelProto()
    given.CopyFrom(model)  # the quantizer moves the weights of the graph that it is given into files
    with tempfile.TemporaryDirectory() as directory, _quiet():
        path = Path(directory) / "calibrated.onnx"
        try:
            quantize_static(
                given,
                path,
                _one_by_one(model, inputs),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(PRODUCTS),
                per_channel=True,
                activation_type=QuantType.QInt8,
                weight_type=QuantType.QInt8,
                extra_options={
                    "ActivationSymmetric": True,
                    "WeightSymmetric": True,
                    "QuantizeBias": False,
                    "MatMulConstBOnly": True,
                    "OpTypesToExcludeOutputQuantization": list(PRODUCTS),
                },
            )
        except Exception as error:  # onnxruntime's classes are not public; what it says is passed on
            raise BuildError(f"onnxruntime cannot calibrate the graph: {error}; use --precision mixed") from error
        return onnx.load(path)


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantizer tells the root logger of every bias that it copies, and advises a preparation that fuses operations
    for a CPU, which these graphs must not have."""

    def of_others(record: logging.LogRecord) -> bool:
        return "quantization" not in Path(record.pathname).parts

    logging.getLogger().addFilter(of_others)
    try:
        yield
    finally:
        logging.getLogger().removeFilter(of_others)


def _one_by_one(model: onnx.ModelProto, inputs: Inputs) -> object:
    from onnxruntime.quantization import CalibrationDataReader

    class People(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = person_by_person(model, inputs)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            return next(self._left, None)

    return People()


def person_by_person(model: onnx.ModelProto, inputs: Inputs) -> Iterator[dict[str, NDArray[np.float32]]]:
    """One run's inputs each; what has no open axis is the same for all."""
    stored = {tensor.name for tensor in model.graph.initializer}
    open_ones = {
        entry.name
        for entry in model.graph.input
        if entry.name not in stored and not entry.type.tensor_type.shape.dim[0].HasField("dim_value")
    }
    for person in range(max((len(inputs[name]) for name in open_ones), default=1)):
        yield {name: array[person : person + 1] if name in open_ones else array for name, array in inputs.items()}
