"""Laws of the wire form: what goes in comes out, and what is not ours is a MessageError."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from realtime.announcements import HealthMessage, Percentiles, SkeletonMessage, StatusMessage
from realtime.array_fields import packed
from realtime.codec import MessageError, frame_of, json_of, message_of, message_of_json
from realtime.frame import SourceEvent
from realtime.message import Intrinsics, PoseMessage

STAMP = {
    "version": 1, "stream_id": "cam1", "session_id": "aa", "sequence": 7,
    "published_ns": 2**62, "wall_ns": 5, "clock_id": "boot",
}  # fmt: skip


def sent(message, **changes):
    return msgspec.structs.replace(message, **{**STAMP, **changes})


def body_of(message) -> dict:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(message, enc_hook=packed))


def frame(body: object, prefix: bytes = b"pose/cam1\0") -> bytes:
    return prefix + msgspec.msgpack.encode(body)


def assert_equal(one: object, other: object) -> None:
    assert type(one) is type(other)
    for name in one.__struct_fields__:
        left, right = getattr(one, name), getattr(other, name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype, name
            np.testing.assert_array_equal(left, right, name, strict=True)
        elif isinstance(left, msgspec.Struct):
            assert_equal(left, right)
        elif isinstance(left, list) and left and isinstance(left[0], msgspec.Struct):
            for a, b in zip(left, right, strict=True):
                assert_equal(a, b)
        else:
            assert left == right, name


def every_message(pose_message) -> list:
    full = pose_message(3, persons=2)
    guesses = np.random.default_rng(1).random((5, 17, 3), np.float32)
    imagined = msgspec.structs.replace(full.persons[0], hypotheses_mm=guesses)
    stage = Percentiles(count=3, p50=1.0, p95=2.0, p99=2.5)
    health = HealthMessage(
        window_s=10.0, captured_hz=30.0, published_hz=25.0, drops=4, persons=2, stage_ms={"detect": stage},
        capture_to_publish_ms=Percentiles(count=0), source_state="running",
    )  # fmt: skip
    return [
        full,
        msgspec.structs.replace(full, media_time_s=1.25, persons=[imagined]),
        pose_message(persons=0),
        pose_message(complete=False),
        SkeletonMessage.h36m17(),
        health,
        StatusMessage.of(SourceEvent("lost", "camera 0 is gone: plug it in again", 5)),
    ]


@pytest.mark.parametrize("number", range(7))
def test_every_field_survives_msgpack_and_json(pose_message, number: int):
    message = sent(every_message(pose_message)[number])
    assert_equal(message_of(frame_of(message)), message)
    assert_equal(message_of_json(json_of(message)), message)
    assert b"\n" not in json_of(message)


def test_unknown_is_null_and_present(pose_message):
    body = body_of(sent(pose_message(complete=False)))
    person = body["persons"][0]
    assert body["media_time_s"] is None
    assert person["spread_mm"] is person["points33"] is person["hypotheses_mm"] is None


def test_arrays_are_little_endian_float32_row_by_row(pose_message):
    message = sent(pose_message())
    person = body_of(message)["persons"][0]
    np.testing.assert_array_equal(
        np.frombuffer(person["joints_mm"], "<f4").reshape(17, 3), message.persons[0].joints_mm
    )
    np.testing.assert_array_equal(np.frombuffer(person["hidden"], "<f4"), message.persons[0].hidden.astype("<f4"))


def test_unknown_fields_are_ignored_at_every_depth(pose_message):
    message = sent(pose_message())
    body = body_of(message) | {"mood": {"deep": [1, None]}}
    body["persons"][0]["colour"] = "red"
    body["intrinsics"]["lens"] = b"\0"
    assert_equal(message_of(frame(body)), message)


def broken(body: dict, name: str) -> dict:
    person = body["persons"][0]
    changes = {
        "version": lambda: body.update(version=2),
        "no version": lambda: body.pop("version"),
        "no session": lambda: body.pop("session_id"),
        "no sequence": lambda: body.pop("sequence"),
        "other stream": lambda: body.update(stream_id="cam2"),
        "negative": lambda: body.update(captured_ns=-1),
        "text": lambda: body.update(drops="many"),
        "NaN time": lambda: body.update(media_time_s=float("nan")),
        "infinite time": lambda: body.update(media_time_s=float("inf")),
        "score": lambda: person.update(score=float("nan")),
        "state": lambda: person.update(state="asleep"),
        "short array": lambda: person.update(joints_mm=person["joints_mm"][:-4]),
        "half number": lambda: person.update(joints_mm=person["joints_mm"][:-1]),
        "empty array": lambda: person.update(joints_mm=b""),
        "no hypothesis": lambda: person.update(hypotheses_mm=b""),
        "nested list": lambda: person.update(joints_px=[[0.0, 0.0]] * 17),
        "NaN joint": lambda: person.update(joints_mm=np.full(51, np.nan, "<f4").tobytes()),
        "half hidden": lambda: person.update(hidden=np.full(17, 0.5, "<f4").tobytes()),
        "no joints": lambda: person.pop("joints_mm"),
        "crowd": lambda: body.update(persons=[person] * 300),
        "other kind": lambda: body.update(kind="health"),
    }
    changes[name]()
    return body


@pytest.mark.parametrize(
    "name",
    [
        *("version", "no version", "no session", "no sequence", "other stream", "negative", "text", "NaN time"),
        *("infinite time", "score", "state", "short array", "half number", "empty array", "no hypothesis"),
        *("nested list", "NaN joint", "half hidden", "no joints", "crowd", "other kind"),
    ],
)
def test_a_wrong_field_is_a_message_error(pose_message, name: str):
    with pytest.raises(MessageError):
        message_of(frame(broken(body_of(sent(pose_message())), name)))


def test_another_version_says_what_to_update(pose_message):
    with pytest.raises(MessageError, match=r"version 2 .* update this reader"):
        message_of(frame_of(sent(pose_message(), version=2)))


def test_a_message_that_was_never_stamped_does_not_leave(pose_message):
    with pytest.raises(ValueError, match="stream id"):
        frame_of(pose_message())


@pytest.mark.parametrize(
    "body",
    [b"", b"\xc1", b"\x90", b"\xc0", b"\x81\xa1x" + b"\x91" * 200_000, b"\x82\xa7persons\xdd\xff\xff\xff\xff",
     b"\x82\xa4kind\xa2\xff\xff\x01\x01", b"\x81\xa1q\xdf\xff\xff\xff\xff", b"\x81\xa1q\xdb\xff\xff\xff\xff"],
)  # fmt: skip
def test_hostile_bodies_are_message_errors(body: bytes):
    with pytest.raises(MessageError):
        message_of(b"pose/cam1\0" + body)


@settings(max_examples=300, deadline=None)
@given(some.binary(max_size=200), some.sampled_from([b"", b"pose/a\0", b"skeleton/a\0", b"health/a\0", b"status/a\0"]))
def test_random_bytes_are_message_errors_and_nothing_else(noise: bytes, prefix: bytes):
    with pytest.raises(MessageError):
        message_of(prefix + noise)


ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**63), 2**64 - 1) | some.floats() | some.text() | some.binary(),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=9), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(data=some.data())
def test_damaged_messages_are_read_or_refused_but_nothing_else_happens(data):
    body = body_of(sent(SkeletonMessage.h36m17()))
    body[data.draw(some.sampled_from(sorted(body)))] = data.draw(ANYTHING)
    for decode, text in ((message_of, frame(body, b"skeleton/cam1\0")), (message_of_json, json_text(body))):
        try:
            message = decode(text)
        except MessageError:
            continue
        assert message.version == 1 and np.isfinite(message.rest_pose_mm).all()


def json_text(body: dict) -> bytes:
    return msgspec.json.encode(body)


@settings(max_examples=200, deadline=None)
@given(position=some.integers(0, 5000), bits=some.integers(1, 255))
def test_a_flipped_byte_never_raises_anything_else(position: int, bits: int):
    whole = bytearray(frame_of(sent(SkeletonMessage.h36m17())))
    whole[position % len(whole)] ^= bits
    try:
        message_of(bytes(whole))
    except MessageError as error:
        assert str(error)


def test_a_wrong_shape_in_our_own_code_is_found_where_it_is_made():
    with pytest.raises(ValueError, match=r"K must have shape \(3, 3\)"):
        Intrinsics(K=np.zeros((2, 2), np.float32), distortion=np.zeros(5, np.float32), source="test")
    with pytest.raises(ValueError, match="K must be float32"):
        Intrinsics(K=np.eye(3), distortion=np.zeros(5, np.float32), source="test")


def test_the_pose_message_says_what_the_frame_and_the_camera_are(pose_message):
    message: PoseMessage = pose_message(5, persons=2)
    assert (message.frame_index, message.image_wh, message.drops) == (5, (64, 48), 2)
    assert [person.id for person in message.persons] == [1, 2]
    assert message.intrinsics.source == "assumed 55 deg"
    assert message.skeleton_id == "h36m17/1"
