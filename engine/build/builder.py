"""From a typed ONNX graph to the bytes of a plan, with `tensorrt` or `tensorrt_rtx`.

The network is strongly typed: layers compute in the types of the graph and nothing else decides on precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import onnx

from engine.blazepose.cache import write_atomically
from engine.build.build_error import BuildError
from engine.build.build_options import BuildOptions
from engine.build.build_progress import PhaseTree, Report, silent
from engine.runtime.plan_card import ShapeRange
from engine.runtime.tensorrt_library import Library, LibraryMissingError, hearing_logger, installed_library


def library_to_build(options: BuildOptions) -> Library:
    """The library of the options; BuildError where it is missing or does not know the target."""
    try:
        library = installed_library(options.library)
    except LibraryMissingError as error:
        raise BuildError(str(error)) from error
    if options.target is not None:
        _capability(library, options.target)
    return library


def check_parses(library: Library, model: onnx.ModelProto) -> None:
    """BuildError with the parser's own words where the library cannot read the graph; nothing is built."""
    _Session(library).parse(model)


def plan_bytes(
    library: Library,
    model: onnx.ModelProto,
    options: BuildOptions,
    *,
    shapes: Sequence[ShapeRange],
    report: Report = silent,
) -> bytes:
    """The serialised plan. BuildError with what the library said where it gives none.

    report is called from the library's threads; what it raises ends the build and is raised again.
    """
    session = _Session(library)
    network = session.parse(model)
    return session.build(network, options, shapes=shapes, report=report)


class _Session:
    """One builder of the library, and what it said."""

    def __init__(self, library: Library) -> None:
        self._library, self._trt = library, library.module
        self._said: list[str] = []
        self._logger = hearing_logger(self._trt, self._said)
        try:
            self._builder = self._trt.Builder(self._logger)
        except (TypeError, RuntimeError) as error:  # pybind turns a null builder into either
            raise self._failure(f"{library.name} cannot start here ({error})") from error

    def parse(self, model: onnx.ModelProto) -> Any:
        network = self._builder.create_network(_strongly_typed(self._trt))
        parser = self._trt.OnnxParser(network, self._logger)
        if not parser.parse(model.SerializeToString()):
            raise BuildError(_parser_words(parser, self._library.name))
        self._parser = parser  # the network uses its memory
        return network

    def build(self, network: Any, options: BuildOptions, *, shapes: Sequence[ShapeRange], report: Report) -> bytes:
        config = self._builder.create_builder_config()
        self._configure(config, options)
        profile = self._builder.create_optimization_profile()
        for entry in shapes:
            profile.set_shape(entry.name, entry.min, entry.opt, entry.max)
        if config.add_optimization_profile(profile) < 0:
            raise self._failure("the library refuses the shapes; check --minShapes, --optShapes and --maxShapes")
        monitor = _monitor(self._trt, report)
        config.progress_monitor = monitor
        cache = self._timing_cache(config, options)
        plan = self._builder.build_serialized_network(network, config)
        if monitor.stopped_by is not None:
            raise monitor.stopped_by
        if plan is None:
            raise self._failure("the library built no plan")
        if cache is not None and options.timing_cache is not None:
            write_atomically(options.timing_cache, bytes(cache.serialize()))
        return bytes(plan)

    def _configure(self, config: Any, options: BuildOptions) -> None:
        # On by default: it rounds the inputs of single-precision products to ten bits, which the gate does not imitate.
        config.clear_flag(self._trt.BuilderFlag.TF32)
        # Else an inspector would tell the names of the plan's layers only, not their types.
        config.profiling_verbosity = self._trt.ProfilingVerbosity.DETAILED
        if options.workspace_bytes is not None:
            config.set_memory_pool_limit(self._trt.MemoryPoolType.WORKSPACE, options.workspace_bytes)
        if options.version_compatible:
            config.set_flag(self._trt.BuilderFlag.VERSION_COMPATIBLE)
        if options.hardware != "none":
            name = {"ampere+": "AMPERE_PLUS", "sameComputeCapability": "SAME_COMPUTE_CAPABILITY"}[options.hardware]
            config.hardware_compatibility_level = getattr(self._trt.HardwareCompatibilityLevel, name)
        if options.target is not None:
            config.num_compute_capabilities = 1
            if not config.set_compute_capability(_capability(self._library, options.target), 0):
                raise self._failure(f"the library refuses the target {options.target}")

    def _timing_cache(self, config: Any, options: BuildOptions) -> Any:
        if options.timing_cache is None:
            return None
        known = options.timing_cache.read_bytes() if options.timing_cache.is_file() else b""
        cache = config.create_timing_cache(known)
        if not config.set_timing_cache(cache, ignore_mismatch=False):
            raise self._failure(f"{options.timing_cache} is no timing cache of this GPU and version; delete it")
        return cache

    def _failure(self, what: str) -> BuildError:
        words = "; ".join(self._said[-3:]) or "no message"
        return BuildError(f"{what}: {words}{_cure(words)}")


_CURES = {
    "driver version is insufficient": "no usable NVIDIA driver is here; with tensorrt-rtx name a GPU generation with "
    "--computeCapabilities, such as sm86, instead of `current`",
    "no CUDA-capable device": "no NVIDIA GPU is usable here; tensorrt-rtx builds without one",
    "missing dimensions in profile": "give sizes for every open axis with --minShapes, --optShapes and --maxShapes",
    "HW-specific datatypes: fp8": "this GPU generation has no float8, which begins with sm89; use --precision int8",
    "out of memory": "lower --maxShapes or --memPoolSize, or end other programs on the GPU",
}


def _cure(words: str) -> str:
    return next((f". Cure: {cure}" for sign, cure in _CURES.items() if sign.lower() in words.lower()), "")


def _capability(library: Library, target: str) -> Any:
    known = {name.lower(): value for name, value in library.module.ComputeCapability.__members__.items()}
    known.pop("none", None)
    if target not in known:
        raise BuildError(
            f"{library.name} {library.version} does not build for {target}; it knows {', '.join(sorted(known))}. "
            f"For another GPU use --library tensorrt on a machine that has it"
        )
    return known[target]


def _strongly_typed(trt: Any) -> int:
    """TensorRT 11 knows nothing else and may lack the flag."""
    flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    return 0 if flag is None else 1 << int(flag)


def _parser_words(parser: Any, library: str) -> str:
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    words = "; ".join(f"{error.node_operator() or 'graph'} {error.node_name()}: {error.desc()}" for error in errors[:3])
    unsupported = any("UNSUPPORTED" in str(error.code()) or "No importer" in error.desc() for error in errors)
    cause = "has an operation that it does not support" if unsupported else "cannot be read by it"
    cure = (
        "export the graph without that operation, or run it with onnxruntime"
        if unsupported
        else "write the graph again, and try another release of the library"
    )
    return f"{library}: the graph {cause} ({words or 'the parser gives no reason'}); {cure}"


def _monitor(trt: Any, report: Report) -> Any:
    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        """Nothing may be raised into the library: it ends the build through `step_complete` instead."""

        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.stopped_by: BaseException | None = None
            self._tree = PhaseTree()

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._tree.start(phase_name, parent_phase, num_steps)

        def step_complete(self, phase_name: str, step: int) -> bool:
            self._tree.step(phase_name, step)
            try:
                report(self._tree.progress(phase_name))
            except BaseException as error:
                self.stopped_by = error
            return self.stopped_by is None

        def phase_finish(self, phase_name: str) -> None:
            self._tree.finish(phase_name)

    return Monitor()
