"""An inspected plan's sidecar tells its layers, and is as valid as before. On a fake GPU."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_gpu import HERE, ROW, FakeLibrary, stored_plan
from inspector_text import IN_DETAIL

from engine.runtime.layer_types import layer_types
from engine.runtime.plan_card import PlanCard, PlanError, card_path, read_card
from engine.runtime.plan_inspection import with_layers_inspected
from engine.runtime.preflight import check_plan


def inspected(plan: Path, fake: FakeLibrary) -> PlanCard:
    return with_layers_inspected(plan, fake.library(), gpu_of=lambda _: HERE, queue_of=fake.queue_of)


def test_the_sidecar_tells_the_layers_and_still_passes_the_preflight(tmp_path: Path) -> None:
    plan, fake = stored_plan(tmp_path), FakeLibrary()
    before = read_card(plan)
    card = inspected(plan, fake)
    assert before.precision.found is None and card.precision.found == layer_types(IN_DETAIL)
    assert check_plan(plan, fake.library(), gpu=HERE) == card and card.parity == before.parity
    assert fake.context.shapes["x"] == (1, ROW), "formats that depend on shapes are told for these"
    assert not fake.queues[0].is_open


@pytest.mark.parametrize("layers", [None, "", "no JSON"])
def test_where_the_library_does_not_tell_it_stays_null_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, layers: str | None
) -> None:
    plan = stored_plan(tmp_path)
    assert inspected(plan, FakeLibrary(layers=layers)).precision.found is None
    assert read_card(plan).precision.found is None
    assert any("landmark: the types of its layers are not known: " in text for text in caplog.messages)


def test_a_plan_that_must_not_be_loaded_is_not_inspected(tmp_path: Path) -> None:
    plan, fake = stored_plan(tmp_path), FakeLibrary()
    plan.write_bytes(b"another plan")
    with pytest.raises(PlanError, match="not the one that was built"):
        inspected(plan, fake)
    assert fake.deserialised == 0


def test_where_it_cannot_be_kept_it_is_said_and_returned_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plan = stored_plan(tmp_path)
    before = card_path(plan).read_bytes()

    def refuse(*_: object) -> None:
        raise PermissionError("read-only")

    monkeypatch.setattr("engine.runtime.plan_card.write_atomically", refuse)
    assert inspected(plan, FakeLibrary()).precision.found == layer_types(IN_DETAIL)
    assert card_path(plan).read_bytes() == before
    assert any("cannot be kept beside it (read-only)" in text for text in caplog.messages)
