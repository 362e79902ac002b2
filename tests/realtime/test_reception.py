import msgspec
import pytest

from realtime.announcements import HealthMessage, SkeletonMessage
from realtime.codec import MESSAGES
from realtime.message import PoseMessage
from realtime.reception import Reception, listened
from realtime.subscriber import every


def test_what_was_received_adds_up(live_stream):
    reception = Reception()
    kinds = set()
    with every(MESSAGES, live_stream.address) as reader:
        for received in listened(reader, frames=150, seconds=60):
            if received is not None:
                reception.add(received)
                kinds.add(type(received.message))
        summary = reception.summary(reader)
    assert kinds == {PoseMessage, SkeletonMessage, HealthMessage}
    assert (summary.frames, summary.persons, summary.lost, summary.malformed) == (150, 2, 0, 0)
    assert summary.source_drops == 2
    assert summary.capture_to_receive_ms.count == summary.publish_to_receive_ms.count == 150
    assert summary.publish_to_receive_ms.p50 <= summary.capture_to_receive_ms.p50
    assert not reception.is_silent(for_s=30)


def test_latency_from_another_clock_is_unknown_and_frames_still_count(live_stream):
    reception = Reception()
    with every([PoseMessage], live_stream.address) as reader:
        received = next(one for one in listened(reader, seconds=30) if one is not None)
        foreign = msgspec.structs.replace(received.message, clock_id="elsewhere")
        reception.add(type(received)(foreign, received.received_ns))
        summary = reception.summary(reader)
    assert summary.frames == 1
    assert summary.capture_to_receive_ms.p50 is None
    assert "unknown" in "\n".join(summary.lines())


def test_listening_ends_with_its_time_and_ticks_in_silence():
    with every(MESSAGES, "tcp://127.0.0.1:9") as reader:
        heard = list(listened(reader, seconds=0.3, tick_s=0.1))
    assert heard and set(heard) == {None}
    assert Reception().is_silent()


@pytest.mark.parametrize("persons", [0, 3])
def test_people_are_counted_once(pose_message, persons: int, live_stream):
    reception = Reception()
    with every([PoseMessage], live_stream.address) as reader:
        for received in listened(reader, frames=20, seconds=60):
            if received is not None:
                few = msgspec.structs.replace(received.message, persons=received.message.persons[:persons])
                reception.add(type(received)(few, received.received_ns))
        assert reception.summary(reader).persons == min(persons, 2)
