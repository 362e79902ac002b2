"""Laws of the publisher, each with real sockets: it never waits, never breaks, and says why it cannot start."""

from __future__ import annotations

import logging
import socket
import time

import pytest
import zmq
import zmq.auth

from realtime.announcements import SkeletonMessage
from realtime.clock import clock_id
from realtime.message import PoseMessage
from realtime.publisher import SEND_QUEUE_MESSAGES, CurveServer, Publisher, PublishError
from realtime.subscriber import CurveClient, every

ANY_PORT = "tcp://127.0.0.1:*"


def port_of(publisher: Publisher) -> int:
    return int(publisher.address.rpartition(":")[2])


def first(reader, publisher: Publisher, message, timeout_s: float = 10.0):
    """Send until the reader, which may still be connecting, has one."""
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        publisher.send(message)
        if (received := reader.read(0.05)) is not None:
            return received
    raise AssertionError("nothing arrived")


def test_what_is_sent_carries_session_sequence_and_times(pose_message):
    with Publisher(ANY_PORT, "cam1") as publisher:
        before_ns = time.monotonic_ns()
        sent = [publisher.send(pose_message(index)) for index in range(3)]
        after_ns = time.monotonic_ns()
    assert [message.sequence for message in sent] == [0, 1, 2]
    assert {(m.stream_id, m.session_id, m.clock_id) for m in sent} == {("cam1", publisher.session_id, clock_id())}
    assert before_ns <= sent[0].published_ns <= sent[2].published_ns <= after_ns
    assert sent[0].captured_ns <= sent[0].published_ns
    assert abs(sent[0].wall_ns - time.time_ns()) < 60e9


def test_every_start_is_a_new_session():
    assert Publisher(ANY_PORT).session_id != Publisher(ANY_PORT).session_id


def test_each_kind_counts_for_itself(pose_message):
    with Publisher(ANY_PORT) as publisher:
        publisher.send(pose_message())
        assert publisher.send(SkeletonMessage.h36m17()).sequence == 1  # after the one of the start
        assert publisher.send(pose_message()).sequence == 1


def test_the_skeleton_is_announced_every_second_and_not_more_often():
    with Publisher(ANY_PORT) as publisher, every([SkeletonMessage], publisher.address) as reader:
        beats = 0
        until = time.monotonic() + 2.3
        while time.monotonic() < until:
            beats += publisher.beat()
            time.sleep(0.02)
        heard = len(list(reader.waiting()))
    assert beats in (1, 2) and 1 <= heard <= 3


def test_a_reader_that_never_reads_does_not_stop_or_slow_the_publisher(pose_message):
    """Sending never waits: it is done without waiting, no send is refused, and none is kept beyond the queue."""
    sends = 20 * SEND_QUEUE_MESSAGES
    context = zmq.Context()
    with Publisher(ANY_PORT) as publisher, every([PoseMessage], publisher.address) as awake:
        asleep = context.socket(zmq.SUB)
        asleep.rcvhwm = 10
        asleep.subscribe(b"")
        asleep.connect(publisher.address)
        message = pose_message(persons=4)
        first(awake, publisher, message)
        for _ in range(sends):
            publisher.send(message)
        last = publisher.send(message)
        while (received := awake.read(2.0)) is not None and received.message.sequence < last.sequence:
            pass
        after_flood = first(awake, publisher, message)
        kept = 0
        while asleep.poll(300):
            asleep.recv()
            kept += 1
    context.destroy(linger=0)
    assert after_flood.message.sequence > sends
    assert kept < sends / 2


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\n\r\n", b"\0" * 4096, b"\xff" * 100_000, b"\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL" + b"\xa5" * 60],
)
def test_garbage_on_the_port_harms_nobody(pose_message, garbage: bytes):
    with Publisher(ANY_PORT) as publisher, every([PoseMessage], publisher.address) as reader:
        first(reader, publisher, pose_message())
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", port_of(publisher))) as raw:
                try:
                    raw.sendall(garbage)
                except ConnectionError:  # cut off while still talking, as it should be
                    continue
        assert first(reader, publisher, pose_message()).message.session_id == publisher.session_id


def test_senseless_subscriptions_harm_nobody(pose_message):
    context = zmq.Context()
    with Publisher(ANY_PORT) as publisher, every([PoseMessage], publisher.address) as reader:
        first(reader, publisher, pose_message())
        noisy = context.socket(zmq.XSUB)
        noisy.connect(publisher.address)
        for words in (b"", b"\x02\xff", b"\x01" + b"x" * 100_000, b"\x00never", b"pose/main\0\xc1"):
            noisy.send(words)
        time.sleep(0.2)
        assert first(reader, publisher, pose_message())
        assert reader.malformed == 0
    context.destroy(linger=0)


def test_an_occupied_port_is_an_error_that_offers_another():
    wanted = r"another process listens.*choose another port"
    with Publisher(ANY_PORT) as running, pytest.raises(PublishError, match=wanted):
        Publisher(running.address).__enter__()


def test_an_occupied_ipc_path_is_not_taken_away(tmp_path, pose_message):
    bind = f"ipc://{tmp_path / 'stream'}"
    with Publisher(bind) as running, every([PoseMessage], bind) as reader:
        first(reader, running, pose_message())
        with pytest.raises(PublishError, match="another process listens"):
            Publisher(bind).__enter__()
        assert first(reader, running, pose_message())
    with Publisher(bind):  # what a finished publisher left behind does not block the next
        pass


@pytest.mark.parametrize("bind", ["", "5870", "tcp://127.0.0.1", "udp://127.0.0.1:5", "tcp://127.0.0.1:99999"])
def test_a_malformed_address_is_quoted(bind: str):
    with pytest.raises(PublishError) as caught:
        Publisher(bind).__enter__()
    assert repr(bind) in str(caught.value)


def test_an_address_that_this_machine_lacks_is_an_error_with_a_way_out():
    with pytest.raises(PublishError, match=r"no such address.*tcp://127.0.0.1:5870"):
        Publisher("tcp://192.0.2.1:5870", allow_remote=True).__enter__()


def test_an_ipc_path_that_may_not_be_written_is_an_error(tmp_path):
    with pytest.raises(PublishError, match="cannot publish"):
        Publisher(f"ipc://{tmp_path / 'missing' / 'stream'}").__enter__()


def test_other_machines_are_let_in_only_when_asked(caplog):
    with pytest.raises(PublishError, match="--allow-remote"):
        Publisher("tcp://0.0.0.0:*").__enter__()
    with caplog.at_level(logging.WARNING), Publisher("tcp://0.0.0.0:*", allow_remote=True):
        pass
    assert "CURVE" in caplog.text


def test_a_stream_id_that_cannot_be_used_is_an_error():
    with pytest.raises(PublishError, match="cam1"):
        Publisher(ANY_PORT, "a/b").__enter__()


def test_sending_outside_the_with_block_is_an_error(pose_message):
    with Publisher(ANY_PORT) as publisher:
        pass
    with pytest.raises(PublishError, match="closed"):
        publisher.send(pose_message())
    publisher.close()


def test_closing_frees_the_port_at_once(pose_message):
    with Publisher(ANY_PORT) as publisher:
        publisher.send(pose_message())
    with Publisher(publisher.address) as again:
        assert again.address == publisher.address


@pytest.fixture
def keys(tmp_path):
    """(directory, server secret, client secret): certificates as the documents say to make them."""
    (tmp_path / "clients").mkdir()
    _, server = zmq.auth.create_certificates(tmp_path, "server")
    _, client = zmq.auth.create_certificates(tmp_path, "client")
    return tmp_path, server, client


@pytest.mark.parametrize("admitted_only", [False, True])
def test_with_curve_only_those_with_the_keys_can_read(pose_message, keys, caplog, admitted_only: bool):
    folder, server, client = keys
    (folder / "client.key").rename(folder / "clients" / "client.key")
    curve = CurveServer(server, folder / "clients" if admitted_only else None)
    known = CurveClient(folder / "server.key", client)
    with Publisher("tcp://0.0.0.0:*", allow_remote=True, curve=curve) as publisher:
        here = f"tcp://127.0.0.1:{port_of(publisher)}"
        with (
            every([PoseMessage], here, curve=known) as reader,
            every([PoseMessage], here) as plain,
            every([PoseMessage], here, curve=CurveClient(folder / "server.key")) as stranger,
        ):
            first(reader, publisher, pose_message())
            time.sleep(0.3)
            publisher.send(pose_message())
            assert plain.read(0.3) is None
            assert (stranger.read(0.3) is None) == admitted_only
    assert "CURVE" not in caplog.text


@pytest.mark.parametrize(
    "content", [None, "", "not a certificate", 'curve\n public-key = "short"\n secret-key = "x"\n']
)
def test_an_unusable_key_is_named(tmp_path, content):
    key = tmp_path / "broken.key_secret"
    if content is not None:
        key.write_text(content)
    with pytest.raises(PublishError, match=r"broken.key_secret.*docs/stream.md"):
        Publisher(ANY_PORT, curve=CurveServer(key)).__enter__()


def test_a_public_key_where_the_secret_one_is_needed_is_named(keys):
    folder, server, _ = keys
    with pytest.raises(PublishError, match="no secret key"):
        Publisher(ANY_PORT, curve=CurveServer(folder / "server.key")).__enter__()
    with pytest.raises(PublishError, match="no directory of client keys"):
        Publisher(ANY_PORT, curve=CurveServer(server, folder / "nobody")).__enter__()
