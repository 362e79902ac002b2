"""Live sources over a real HTTP stream: the newest wins, loss is said, the device is opened again."""

import http.server
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from realtime.frame import Frame, SourceEvent
from realtime.frame_source import FrameSource, SourceError, SourceOptions
from realtime.live_source import LiveSource, Shot
from realtime.sources import open_source

QUICK = SourceOptions(open_timeout_s=2.0, read_timeout_s=1.0, backoff_first_s=0.05, backoff_max_s=0.2)
PATIENCE_S = 30.0


class PictureServer:
    """An MJPEG camera on loopback whose brightness counts the pictures; `stop` and `start` act like its plug."""

    def __init__(self) -> None:
        self.size_wh = (64, 48)
        self._plugged = threading.Event()
        self._server: http.server.ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}/camera"

    def start(self) -> None:
        self._plugged.set()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self._port), self._handler())
        self._server.daemon_threads = True
        self._port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._plugged.clear()
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        camera = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *words: object) -> None:
                """Silence."""

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                for number in itertools.count():
                    if not camera._plugged.is_set():
                        return
                    image = np.full((camera.size_wh[1], camera.size_wh[0], 3), number % 250, np.uint8)
                    image[:, camera.size_wh[0] // 2 :] = 0
                    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + jpeg + b"\r\n")
                    except OSError:
                        return
                    time.sleep(0.01)

        return Handler


@pytest.fixture
def camera() -> Iterator[PictureServer]:
    server = PictureServer()
    server.start()
    yield server
    server.stop()


def read_until(source: FrameSource, wanted: Callable[[Frame | SourceEvent], bool]) -> list[Frame | SourceEvent]:
    items: list[Frame | SourceEvent] = []
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        item = source.read(0.1)
        if item is not None:
            items.append(item)
            if wanted(item):
                return items
    raise AssertionError(f"nothing of the kind within {PATIENCE_S} s, only {items[-5:]}")


def is_event(kind: str) -> Callable[[Frame | SourceEvent], bool]:
    return lambda item: isinstance(item, SourceEvent) and item.kind == kind


def is_frame(item: Frame | SourceEvent) -> bool:
    return isinstance(item, Frame)


def test_slow_reader_gets_the_newest_and_every_gap_is_a_counted_drop(camera: PictureServer) -> None:
    with open_source(camera.address, QUICK) as source:
        assert (source.live, source.size_wh, source.frame_count) == (True, (64, 48), None)
        frames = []
        for _ in range(6):
            time.sleep(0.1)
            frames.append(source.read(PATIENCE_S))
        indices = [frame.index for frame in frames]
        assert indices == sorted(set(indices))
        assert source.drops >= indices[-1] + 1 - len(frames) > 0
    assert all(frame.media_time_s is None for frame in frames)


def test_loss_and_return_with_another_size(camera: PictureServer) -> None:
    with open_source(camera.address, QUICK) as source:
        before = read_until(source, is_frame)[-1]
        camera.stop()
        lost = read_until(source, is_event("lost"))
        assert source.read(0.3) is None, "no pictures are invented while the source is lost"
        camera.size_wh = (80, 60)
        camera.start()
        found = read_until(source, is_frame)
        assert source.size_wh == (80, 60)
    last = [before, *lost[:-1]][-1]
    kinds = [item.kind if isinstance(item, SourceEvent) else item.size_wh for item in found]
    assert kinds == ["found", "resized", (80, 60)]
    assert isinstance(last, Frame)
    assert isinstance(found[-1], Frame)
    assert found[-1].index > last.index
    assert "127.0.0.1" in lost[-1].text


def test_leaving_while_lost_does_not_wait_for_the_backoff(camera: PictureServer) -> None:
    options = SourceOptions(open_timeout_s=2.0, read_timeout_s=1.0, backoff_first_s=600.0, backoff_max_s=600.0)
    threads = set(threading.enumerate())
    with open_source(camera.address, options) as source:
        camera.stop()
        read_until(source, is_event("lost"))
        left_ns = time.monotonic_ns()
    assert time.monotonic_ns() - left_ns < 60e9
    assert not {thread for thread in threading.enumerate() if thread.name == "capture"} - threads


def test_mirror(camera: PictureServer) -> None:
    options = SourceOptions(open_timeout_s=2.0, read_timeout_s=1.0, mirror=True)
    with open_source(camera.address, options) as source:
        time.sleep(0.5)
        frame = read_until(source, lambda item: isinstance(item, Frame) and item.index > 15)[-1]
    assert isinstance(frame, Frame)
    assert frame.image_rgb[:, :28].mean() < frame.image_rgb[:, 36:].mean()


def test_address_that_refuses() -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        text = f"http://someone:secret@127.0.0.1:{reserved.getsockname()[1]}/x?key=hidden"
        with pytest.raises(SourceError, match="does not answer") as caught, open_source(text, QUICK):
            pass
    assert "secret" not in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_address_that_accepts_and_stays_silent_cannot_hang_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        text = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        options = SourceOptions(open_timeout_s=0.3, read_timeout_s=0.3)
        with pytest.raises(SourceError, match=r"does not answer within 0\.3 s"), open_source(text, options):
            pass


class StuckDevice:
    """Gives one picture and then hangs, as a driver may; `let_go` ends it after the test."""

    name = "stuck device"
    rate_hz: float | None = None

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.closed = threading.Event()

    def open(self) -> Shot:
        return Shot(time.monotonic_ns(), np.zeros((4, 4, 3), np.uint8))

    def grab(self) -> Shot | None:
        self.let_go.wait()
        return None

    def close(self) -> None:
        self.closed.set()


def test_a_hanging_driver_does_not_keep_the_program_from_ending(caplog: pytest.LogCaptureFixture) -> None:
    device = StuckDevice()
    with LiveSource(device, QUICK) as source:
        assert isinstance(source.read(PATIENCE_S), Frame)
        assert source.read(0.01) is None
    assert "left behind" in caplog.text
    assert not device.closed.is_set(), "another thread must not close what a driver is using"
    device.let_go.set()
    assert device.closed.wait(PATIENCE_S)


class BrokenDevice(StuckDevice):
    def grab(self) -> Shot | None:
        raise RuntimeError("driver bug")


def test_a_failing_device_reaches_the_reader() -> None:
    with pytest.raises(SourceError, match="driver bug"), LiveSource(BrokenDevice(), QUICK) as source:
        read_until(source, lambda item: False)


class AbsentDevice(StuckDevice):
    """Is there at the start, is lost at once, and notes when somebody looks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.opened_s: list[float] = []

    def open(self) -> Shot:
        self.opened_s.append(time.monotonic())
        if len(self.opened_s) > 1:
            raise SourceError("absent", "wait")
        return super().open()

    def grab(self) -> Shot | None:
        return None


def test_backoff_doubles_up_to_its_limit() -> None:
    device = AbsentDevice()
    with LiveSource(device, SourceOptions(backoff_first_s=0.05, backoff_max_s=0.2)):
        while len(device.opened_s) < 6:
            time.sleep(0.01)
    waits = np.diff(device.opened_s)[:5]
    assert (waits >= np.array([0.05, 0.1, 0.2, 0.2, 0.2]) - 0.005).all()
