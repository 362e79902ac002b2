"""The real library without a GPU: what it says is turned into errors with a cure; with one, plans are run."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_graphs import stored, two_layers

from engine.build.build_options import BuildOptions
from engine.build.onnx_file import read_onnx
from engine.build.plan import PlanJob, build_plan, unchanged
from engine.build.precision import Precision
from engine.runtime.cuda_error import NoDriverError
from engine.runtime.gpu import Gpu, gpu_here
from engine.runtime.plan_card import PlanError, read_card
from engine.runtime.plan_inspection import with_layers_inspected
from engine.runtime.tensorrt_backend import TensorRtBackend
from engine.runtime.tensorrt_engine import captures_itself, opened_engine
from engine.runtime.tensorrt_library import Library, installed_library


@pytest.fixture(scope="module")
def rtx() -> Library:
    pytest.importorskip("tensorrt_rtx", reason="needs the extra gpu-rtx: pip install 'di2pose[gpu-rtx]'")
    return installed_library("tensorrt-rtx")


@pytest.fixture(scope="module")
def plan(rtx: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("plans")
    graph = read_onnx(stored(two_layers(), directory / "small.onnx"))
    job = PlanJob(graph, "none", Precision.FP32, BuildOptions("tensorrt-rtx", target="sm86"))
    return build_plan(job, unchanged(job), rtx, directory=directory).path


@pytest.fixture
def no_gpu() -> None:
    if gpu_here() is not None:
        pytest.skip("there is a GPU here")


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize("cut", [None, 1000, 3])
def test_deserialising_without_a_driver_blames_the_driver(rtx: Library, plan: Path, cut: int | None) -> None:
    """Also for bytes that are no plan: the library asks the driver before it looks closely."""
    with pytest.raises(NoDriverError, match="driver version is insufficient.*nvidia-smi.*--backend onnxruntime"):
        opened_engine(rtx, plan.read_bytes()[:cut], plan, cuda_graphs=True)


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_a_good_plan_is_refused_by_the_preflight(rtx: Library, plan: Path) -> None:
    with pytest.raises(PlanError, match=r"needs an NVIDIA GPU .sm86.*nvidia-smi"), TensorRtBackend(plan, rtx):
        pass


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_nothing_is_inspected_and_the_card_says_null(rtx: Library, plan: Path) -> None:
    with pytest.raises(PlanError, match="needs an NVIDIA GPU"):
        with_layers_inspected(plan, rtx)
    with pytest.raises(NoDriverError, match="nvidia-smi"):
        with_layers_inspected(plan, rtx, gpu_of=lambda _: Gpu("RTX A2000", "8.6"))
    assert read_card(plan).precision.found is None


@pytest.mark.usefixtures("no_gpu")
def test_a_gpu_that_is_not_there_after_all_is_an_error_of_the_driver(rtx: Library, plan: Path) -> None:
    promised = TensorRtBackend(plan, rtx, gpu_of=lambda _: Gpu("RTX A2000", "8.6"))
    with pytest.raises(NoDriverError), promised:
        pass


def test_a_changed_plan_is_refused_before_the_library_sees_it(rtx: Library, plan: Path, tmp_path: Path) -> None:
    copy = tmp_path / plan.name
    content = bytearray(plan.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    copy.with_name(f"{copy.name}.json").write_bytes(plan.with_name(f"{plan.name}.json").read_bytes())
    unused = Library(rtx.name, rtx.version, None)
    with pytest.raises(PlanError, match="not the one that was built"), TensorRtBackend(copy, unused):
        pass


def test_it_has_graphs_of_its_own(rtx: Library) -> None:
    assert captures_itself(rtx) and hasattr(rtx.module.IRuntimeConfig, "cuda_graph_strategy")
    assert "WHOLE_GRAPH_CAPTURE" in rtx.module.CudaGraphStrategy.__members__


def test_the_library_has_every_call_that_running_makes(rtx: Library) -> None:
    """Names that only a GPU would show to be wrong."""
    trt = rtx.module
    engine = (
        "create_engine_inspector create_execution_context create_runtime_config get_tensor_dtype get_tensor_mode "
        "get_tensor_name get_tensor_profile_shape get_tensor_shape num_io_tensors"
    )
    context = "execute_async_v3 get_tensor_shape set_input_shape set_tensor_address"
    assert [name for name in engine.split() if not hasattr(trt.ICudaEngine, name)] == []
    assert [name for name in context.split() if not hasattr(trt.IExecutionContext, name)] == []
    assert hasattr(trt.EngineInspector, "execution_context") and hasattr(trt.EngineInspector, "get_engine_information")
    assert trt.LayerInformationFormat.JSON.name == "JSON"
    assert {"FLOAT", "HALF", "INT64"} <= set(trt.DataType.__members__)
    assert trt.TensorIOMode.INPUT.name == "INPUT"
