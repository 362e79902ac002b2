"""Sizes of a plan's tensors: room for the largest batch, groups split into what one run takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime.backend import BackendError
from engine.runtime.plan_layout import PlanLayout, PlanTensor


def layout(least: int = 1, most: int = 16) -> PlanLayout:
    image = PlanTensor("image", (-1, 2), "float32", is_input=True, smallest=(least, 2), largest=(most, 2))
    noise = PlanTensor("noise", (5,), "float16", is_input=True, smallest=(5,), largest=(5,))
    return PlanLayout.of("a.plan", (image, noise, PlanTensor("joints", (-1, 17, 3), "float32", is_input=False)))


@given(batch=st.integers(1, 200), most=st.integers(1, 16))
def test_parts_cover_the_group_in_order_and_fit_one_run_each(batch: int, most: int) -> None:
    parts = list(layout(most=most).parts(batch))
    assert [row for part in parts for row in range(part.start, part.stop)] == list(range(batch))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) <= most and max(sizes) - min(sizes) <= 1 and len(parts) == -(-batch // most)


def test_bytes_are_those_of_the_sizes() -> None:
    image, noise, joints = layout().tensors
    assert (image.bytes_for(16), noise.bytes_for(16), joints.bytes_for(2)) == (128, 10, 2 * 17 * 3 * 4)


def test_the_batch_is_that_of_all_inputs() -> None:
    given_ = {"image": np.zeros((3, 2), np.float32), "noise": np.zeros(5, np.float16)}
    assert layout().batch_of(given_) == 3
    two = PlanTensor("view", (-1, 1), "float32", is_input=True, smallest=(1, 1), largest=(8, 1))
    both = PlanLayout.of("a.plan", (*layout().tensors, two))
    assert (both.least, both.most) == (1, 8)
    with pytest.raises(BackendError, match=r"speak of \[2, 3\] persons"):
        both.batch_of({**given_, "view": np.zeros((2, 1), np.float32)})


def test_too_few_people_and_a_group_that_cannot_be_split_are_errors() -> None:
    few = {"image": np.zeros((3, 2), np.float32), "noise": np.zeros(5, np.float16)}
    with pytest.raises(BackendError, match="takes 4 to 6 persons, got 3.*--minShapes"):
        layout(4, 6).batch_of(few)
    with pytest.raises(BackendError, match="7 cannot be split"):
        list(layout(4, 6).parts(7))


def test_open_axes_elsewhere_and_inputs_that_never_agree_are_refused() -> None:
    odd = PlanTensor("x", (1, -1), "float32", is_input=True, smallest=(1, 1), largest=(1, 9))
    with pytest.raises(BackendError, match="only the first axis may be open"):
        PlanLayout.of("a.plan", (odd,))
    few = PlanTensor("x", (-1,), "float32", is_input=True, smallest=(1,), largest=(2,))
    many = PlanTensor("z", (-1,), "float32", is_input=True, smallest=(3,), largest=(4,))
    with pytest.raises(BackendError, match="no common number"):
        PlanLayout.of("a.plan", (few, many))
