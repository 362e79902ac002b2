import msgspec
import pytest

from realtime.health import MOST_STAGES, Health


def test_health_tells_latency_rates_drops_and_persons(pose_message):
    health = Health(window_s=1e6)
    for index in range(11):
        at_ns = 1_000_000_000 + index * 100_000_000
        message = msgspec.structs.replace(
            pose_message(index, persons=2), captured_ns=at_ns - 5_000_000, published_ns=at_ns, drops=3 * index
        )
        health.published(message)
    told = health.message()
    assert told.capture_to_publish_ms.p50 == pytest.approx(5.0)
    assert told.capture_to_publish_ms.count == 11
    assert (told.drops, told.persons) == (30, 2)
    assert told.captured_hz - told.published_hz == pytest.approx(30.0)


def test_each_stage_has_its_own_times():
    health = Health()
    for spent_ms in (1.0, 2.0, 3.0):
        health.took("detect", spent_ms)
    health.took("encode", 0.5)
    stages = health.message().stage_ms
    assert stages.keys() == {"detect", "encode"}
    assert (stages["detect"].count, stages["detect"].p50, stages["encode"].p99) == (3, 2.0, 0.5)


def test_before_the_first_frame_health_is_unknown_and_not_zero():
    told = Health().message()
    assert told.capture_to_publish_ms.p50 is None
    assert told.source_state == "running"


def test_stage_names_without_end_are_refused():
    health = Health()
    for number in range(MOST_STAGES):
        health.took(f"stage {number}", 1.0)
    with pytest.raises(ValueError, match="must not vary"):
        health.took("one more", 1.0)
