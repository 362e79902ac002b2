"""Laws of the readers, each with real sockets."""

from __future__ import annotations

import time

import msgspec
import pytest
import zmq

from realtime.announcements import SkeletonMessage
from realtime.codec import frame_of
from realtime.message import PoseMessage
from realtime.publisher import Publisher
from realtime.subscriber import CurveClient, Received, SubscribeError, every, newest

ANY_PORT = "tcp://127.0.0.1:*"


def connected(reader, publisher: Publisher, message) -> None:
    """Send until the reader has one, then let the rest arrive and take it away."""
    until = time.monotonic() + 10
    while reader.read(0.05) is None:
        assert time.monotonic() < until, "nothing arrived"
        publisher.send(message)
    while reader.read(0.2) is not None:
        pass


def test_a_slow_conflating_reader_gets_the_newest(pose_message):
    with Publisher(ANY_PORT) as publisher, newest(PoseMessage, publisher.address) as reader:
        connected(reader, publisher, pose_message())
        lost_before = reader.lost
        for index in range(50):
            publisher.send(pose_message(index))
        time.sleep(0.3)
        received = reader.read(1.0)
        assert received is not None and received.message.frame_index == 49
        assert reader.read(0.1) is None
        assert reader.lost - lost_before == 49


def test_each_conflating_reader_keeps_its_own_kind(pose_message):
    with (
        Publisher(ANY_PORT) as publisher,
        newest(PoseMessage, publisher.address) as poses,
        newest(SkeletonMessage, publisher.address) as skeletons,
    ):
        connected(poses, publisher, pose_message())
        connected(skeletons, publisher, SkeletonMessage.h36m17())
        publisher.send(pose_message(9))
        publisher.send(SkeletonMessage.h36m17())
        pose, skeleton = poses.read(2.0), skeletons.read(2.0)
    assert pose is not None and pose.message.frame_index == 9
    assert skeleton is not None and skeleton.message.names[0] == "pelvis"


def test_cam1_does_not_hear_cam10(pose_message):
    context = zmq.Context()
    both = context.socket(zmq.PUB)
    port = both.bind_to_random_port("tcp://127.0.0.1")
    header = {"version": 1, "session_id": "s", "clock_id": "c", "sequence": 0}
    frames = {
        stream: frame_of(msgspec.structs.replace(pose_message(index), stream_id=stream, **header))
        for index, stream in enumerate(("cam1", "cam10"))
    }
    with newest(PoseMessage, f"tcp://127.0.0.1:{port}", stream_id="cam1") as reader:
        received = None
        while received is None:
            both.send(frames["cam1"])
            received = reader.read(0.05)
        while reader.read(0.2) is not None:
            pass
        for _ in range(10):
            both.send(frames["cam10"])
        assert received.message.stream_id == "cam1"
        assert reader.read(0.3) is None
    context.destroy(linger=0)


def test_a_recorder_gets_every_message_in_order(pose_message):
    with Publisher(ANY_PORT) as publisher, every([PoseMessage, SkeletonMessage], publisher.address) as reader:
        connected(reader, publisher, pose_message())
        for index in range(200):
            publisher.send(pose_message(index))
        publisher.send(SkeletonMessage.h36m17())
        got = [reader.read(2.0) for _ in range(201)]
    poses = [received.message.frame_index for received in got[:-1] if received is not None]
    assert poses == list(range(200))
    assert got[-1] is not None and isinstance(got[-1].message, SkeletonMessage)
    assert reader.lost == 0


def raw_publisher():
    context = zmq.Context()
    socket = context.socket(zmq.PUB)
    return context, socket, f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"


def test_gaps_are_counted_and_a_new_session_begins_anew(pose_message):
    context, socket, here = raw_publisher()

    def send(session_id: str, sequence: int) -> None:
        header = {"version": 1, "stream_id": "main", "clock_id": "c"}
        socket.send(
            frame_of(msgspec.structs.replace(pose_message(), session_id=session_id, sequence=sequence, **header))
        )

    with every([PoseMessage], here) as reader:
        while reader.read(0.05) is None:
            send("warm-up", 0)
        while reader.read(0.2) is not None:
            pass
        for session_id, sequence in (("a", 5), ("a", 6), ("a", 9), ("b", 40), ("b", 41), ("b", 41), ("b", 43)):
            send(session_id, sequence)
        for _ in range(7):
            assert reader.read(2.0) is not None
        assert reader.lost == 3  # 7 and 8 of a, 42 of b
    context.destroy(linger=0)


def test_malformed_frames_are_counted_and_passed_over(pose_message):
    context, socket, here = raw_publisher()
    good = frame_of(
        msgspec.structs.replace(
            pose_message(), version=1, stream_id="main", session_id="s", sequence=0, clock_id="c", published_ns=1
        )
    )
    with every([PoseMessage], here) as reader:
        while reader.read(0.05) is None:
            socket.send(good)
        while reader.read(0.2) is not None:
            pass
        for bad in (b"", b"\xc1", b"\x91" * 200_000, b"\x80", good[10:-8]):
            socket.send(b"pose/main\0" + bad)
        socket.send(good)
        assert reader.read(2.0) is not None
        assert reader.malformed == 5
    context.destroy(linger=0)


def test_silence_ends_with_the_timeout():
    with newest(PoseMessage, "tcp://127.0.0.1:9") as reader:
        begun = time.monotonic()
        assert reader.read(0.2) is None
        assert time.monotonic() - begun >= 0.19


def test_a_reader_may_come_before_its_publisher(tmp_path, pose_message):
    here = f"ipc://{tmp_path / 'later'}"
    with newest(PoseMessage, here) as reader:
        assert reader.read(0.05) is None
        with Publisher(here) as publisher:
            connected(reader, publisher, pose_message())


def test_a_reader_survives_the_restart_of_the_publisher(pose_message):
    with Publisher(ANY_PORT) as publisher, newest(PoseMessage, publisher.address) as reader:
        connected(reader, publisher, pose_message())
        publisher.close()
        with Publisher(publisher.address) as restarted:
            connected(reader, restarted, pose_message())


@pytest.mark.parametrize("connect", ["", "127.0.0.1:5870", "tcp://127.0.0.1", "http://127.0.0.1:80", "tcp://*:1"])
def test_a_malformed_address_is_a_typed_error(connect: str):
    with pytest.raises(SubscribeError, match="cannot read"):
        newest(PoseMessage, connect).__enter__()


def test_an_unusable_key_is_a_typed_error(tmp_path):
    with pytest.raises(SubscribeError, match="unusable CURVE key"):
        newest(PoseMessage, curve=CurveClient(tmp_path / "missing.key")).__enter__()


def test_latency_is_known_only_on_the_same_clock(pose_message):
    with Publisher(ANY_PORT) as publisher:
        own = publisher.send(pose_message())
    assert Received(own, own.captured_ns + 2_000_000).since_ms(own.captured_ns) == pytest.approx(2.0)
    foreign = msgspec.structs.replace(own, clock_id="another host")
    assert Received(foreign, own.captured_ns).since_ms(own.captured_ns) is None
    replayed = msgspec.structs.replace(own, replay=True)
    assert Received(replayed, own.captured_ns).since_ms(own.captured_ns) is None


def test_reading_outside_the_with_block_is_an_error():
    with newest(PoseMessage) as reader:
        pass
    with pytest.raises(SubscribeError, match="closed"):
        reader.read(0.0)
