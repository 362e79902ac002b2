"""Named smallest, usual and largest sizes of a graph's open axes, written as NVIDIA's trtexec writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from engine.build.build_error import BuildError
from engine.build.onnx_file import GraphInput
from engine.runtime.plan_card import ShapeRange

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]


@dataclass(frozen=True, slots=True)
class ShapeOptions:
    """What was asked: shapes by input. An input that only one of the three names is fixed to that."""

    min: Shapes = field(default_factory=dict)
    opt: Shapes = field(default_factory=dict)
    max: Shapes = field(default_factory=dict)

    def of(self, name: str) -> tuple[Shape, Shape, Shape] | None:
        smallest, usual, largest = self.min.get(name), self.opt.get(name), self.max.get(name)
        usual = usual or smallest or largest
        return None if usual is None else (smallest or usual, usual, largest or usual)


def parse_shapes(text: str, flag: str) -> dict[str, Shape]:
    """`points:1x33x17,view:1x3` -> shapes by name; BuildError quotes what is not of that form."""
    found: dict[str, Shape] = {}
    for part in filter(None, text.split(",")):
        name, _, sizes = part.rpartition(":")
        numbers = sizes.lower().split("x")
        if not name or not all(number.isascii() and number.isdigit() and int(number) > 0 for number in numbers):
            raise BuildError(f"{flag}: {part!r} is no shape; write NAME:1x33x17, several with commas between them")
        found[name] = tuple(map(int, numbers))
    return found


def batch_shapes(inputs: Sequence[GraphInput], persons: tuple[int, int, int] = (1, 1, 16)) -> ShapeOptions:
    """This project's graphs: where the first axis alone is open it counts persons, from one to sixteen."""
    made: list[dict[str, Shape]] = [{}, {}, {}]
    for entry in inputs:
        rest = entry.shape[1:]
        if not entry.is_open or any(isinstance(size, str) for size in rest):
            continue
        for shapes, count in zip(made, persons, strict=True):
            shapes[entry.name] = (count, *(int(size) for size in rest))
    return ShapeOptions(*made)


def with_asked(default: ShapeOptions, asked: ShapeOptions) -> ShapeOptions:
    """Each of the three as asked where it is, else the default."""
    return ShapeOptions({**default.min, **asked.min}, {**default.opt, **asked.opt}, {**default.max, **asked.max})


def shared_out(asked: ShapeOptions, graphs: Sequence[Sequence[GraphInput]]) -> list[ShapeOptions]:
    """To each graph, given by its inputs, the shapes of its own. BuildError for an input that none of them has."""
    known = {entry.name for inputs in graphs for entry in inputs}
    _refuse_unknown(asked, known)
    return [_only(asked, {entry.name for entry in inputs}) for inputs in graphs]


def _only(asked: ShapeOptions, names: set[str]) -> ShapeOptions:
    return ShapeOptions(
        *(
            {name: shape for name, shape in shapes.items() if name in names}
            for shapes in (asked.min, asked.opt, asked.max)
        )
    )


def _refuse_unknown(options: ShapeOptions, known: set[str]) -> None:
    for flag, shapes in (("--minShapes", options.min), ("--optShapes", options.opt), ("--maxShapes", options.max)):
        unknown = [name for name in shapes if name not in known]
        if unknown:
            raise BuildError(f"{flag}: there is no input {unknown[0]!r}; there are {', '.join(sorted(known))}")


def shape_ranges(inputs: Sequence[GraphInput], options: ShapeOptions) -> tuple[ShapeRange, ...]:
    """One range per input. BuildError for an open axis without sizes, an unknown input or sizes that do not fit."""
    _refuse_unknown(options, {entry.name for entry in inputs})
    return tuple(_range(entry, options) for entry in inputs)


def _range(entry: GraphInput, options: ShapeOptions) -> ShapeRange:
    asked = options.of(entry.name)
    written = "x".join(map(str, entry.shape))
    if asked is None:
        if entry.is_open:
            raise BuildError(
                f"the input {entry.name!r} ({written}) has an open axis and no sizes for it; give "
                f"--minShapes, --optShapes and --maxShapes, such as {entry.name}:{_example(entry)}"
            )
        fixed = tuple(int(size) for size in entry.shape)
        return ShapeRange(entry.name, fixed, fixed, fixed)
    for shape in asked:
        if len(shape) != len(entry.shape) or any(
            isinstance(size, int) and size != given for size, given in zip(entry.shape, shape, strict=True)
        ):
            raise BuildError(
                f"{entry.name}:{'x'.join(map(str, shape))} does not fit the input, which is {written}; correct it, "
                f"or name its graph with --graph"
            )
    if any(not low <= usual <= high for low, usual, high in zip(*asked, strict=True)):
        raise BuildError(f"the shapes of {entry.name!r} must rise from --minShapes over --optShapes to --maxShapes")
    return ShapeRange(entry.name, *asked)


def _example(entry: GraphInput) -> str:
    return "x".join("1" if isinstance(size, str) else str(size) for size in entry.shape)
