import pytest

from realtime import topics


def test_a_prefix_ends_with_its_zero_byte_so_that_no_stream_is_part_of_another():
    assert topics.prefix("pose", "cam1") == b"pose/cam1\0"
    assert not topics.prefix("pose", "cam10").startswith(topics.prefix("pose", "cam1"))


def test_parsing_gives_back_what_was_prefixed():
    kind, stream_id, body = topics.parsed(topics.prefix("health", "a.b-c_1") + b"body\0body")
    assert (kind, stream_id, bytes(body)) == ("health", "a.b-c_1", b"body\0body")


@pytest.mark.parametrize("stream_id", ["", "a/b", "a b", "a\0b", "ä", "x" * 65, "a\n"])
def test_a_stream_id_that_cannot_stand_in_a_prefix_is_refused_with_an_example(stream_id: str):
    with pytest.raises(topics.TopicError, match="cam1"):
        topics.prefix("pose", stream_id)


@pytest.mark.parametrize("frame", [b"", b"pose/cam1", b"pose\0", b"pose/\0", b"\0", b"pose2/cam1\0", b"\xff/cam1\0"])
def test_frames_without_a_known_prefix_are_refused(frame: bytes):
    with pytest.raises(topics.TopicError):
        topics.parsed(frame)


def test_the_kind_of_another_major_version_is_named():
    with pytest.raises(topics.TopicError, match=r"'pose2'.*newer"):
        topics.parsed(b"pose2/cam1\0\x80")
