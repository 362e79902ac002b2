"""Every open axis gets sizes, sizes fit their input, and what was asked wins over the default."""

from __future__ import annotations

import pytest

from engine.build.build_error import BuildError
from engine.build.onnx_file import GraphInput
from engine.build.shapes import ShapeOptions, batch_shapes, parse_shapes, shape_ranges, shared_out, with_asked

IMAGE = GraphInput("image", ("batch", 4, 3))
NOISE = GraphInput("noise", (2, 5))
FREE = GraphInput("words", ("batch", "length"))


def test_shapes_are_written_as_trtexec_writes_them() -> None:
    assert parse_shapes("image:1x4x3,a:b:7", "--minShapes") == {"image": (1, 4, 3), "a:b": (7,)}
    assert parse_shapes("", "--minShapes") == {}


@pytest.mark.parametrize("text", ["image", "image:", "image:1x-4", "image:0x3", "image:1x4.5", ":1x2", "image:1xx3"])
def test_what_is_no_shape_is_quoted(text: str) -> None:
    with pytest.raises(BuildError, match="--optShapes.*is no shape"):
        parse_shapes(text, "--optShapes")


def test_persons_are_the_default_and_asked_sizes_win() -> None:
    asked = ShapeOptions(max=parse_shapes("image:4x4x3", "--maxShapes"))
    image, noise = shape_ranges([IMAGE, NOISE], with_asked(batch_shapes([IMAGE, NOISE]), asked))
    assert (image.min, image.opt, image.max) == ((1, 4, 3), (1, 4, 3), (4, 4, 3))
    assert (noise.min, noise.max) == ((2, 5), (2, 5))


def test_an_axis_left_open_is_an_error_that_shows_the_option() -> None:
    with pytest.raises(BuildError, match=r"'words' \(batchxlength\) has an open axis.*--minShapes.*words:1x1"):
        shape_ranges([FREE], with_asked(batch_shapes([FREE]), ShapeOptions()))


@pytest.mark.parametrize("text", ["image:1x4", "image:1x4x4"])
def test_sizes_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(BuildError, match="does not fit the input, which is batchx4x3"):
        shape_ranges([IMAGE], ShapeOptions(opt=parse_shapes(text, "--optShapes")))


def test_sizes_must_rise() -> None:
    falling = ShapeOptions(min={"image": (3, 4, 3)}, max={"image": (2, 4, 3)})
    with pytest.raises(BuildError, match="must rise"):
        shape_ranges([IMAGE], falling)


def test_each_graph_gets_its_own_and_an_unknown_input_is_named() -> None:
    asked = ShapeOptions(min={"image": (1, 4, 3), "noise": (2, 5)})
    assert [dict(share.min) for share in shared_out(asked, [[IMAGE], [NOISE]])] == [
        {"image": (1, 4, 3)},
        {"noise": (2, 5)},
    ]
    with pytest.raises(BuildError, match="--minShapes: there is no input 'noise'"):
        shared_out(asked, [[IMAGE]])
