"""Sound that comes in over a socket, from a browser or a program: what is missing is counted, and said."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import numpy as np

from model.errors import SettingError
from stream.clock import Clock
from stream.inlet import Sink
from stream.records import SourceState, SourceStatus
from stream.sources.source import Source

RATES_HZ = (3000.0, 384_000.0)
CHANNELS = (1, 8)
LONGEST_BLOCK_SECONDS = 1.0
STALL_SECONDS = 2.0
"""Without a frame for so long, no sound is coming."""
STRETCH_GAP_SECONDS = 3.0
"""A gap longer than this, a window's length, begins a new stretch; a shorter one is counted and joined."""
BELIEVED_GAP_SECONDS = 60.0
"""A longer one is not counted as lost: nobody knows what happened meanwhile."""
BURST_SECONDS = 10.0
"""So much sound may come at once, after a stall of the network; more than that cannot be what is heard just now."""
FASTEST_DEVICE = 1.02
"""Clocks of sound devices may be fast by so much."""
LOSS_SHOWN_SECONDS = 5.0
DRIFT = 2e-4
"""By so much a device's clock may be slower than ours without the delay seeming to grow."""

_SLOW = "the network is slow"
_BROKEN = "the connection was interrupted"


@dataclass(frozen=True)
class Sender:
    """Who is at the other end of the socket, in words for people."""

    kind: str
    title: str
    waiting: str
    """Why there is no sound while nobody has connected."""
    lost: str
    """Why there is none once the connection has gone."""
    mute: str
    """Why there is none although there is a connection."""
    flood: str
    """Why sound is left out of what comes faster than it can be heard."""
    unwanted: str
    """Said to who connects when nobody listens any more."""
    again: str
    """What to do then."""


BROWSER = Sender(
    kind="browser microphone",
    title="This browser's microphone",
    waiting="waiting for the browser's microphone",
    lost="the connection to the browser is lost; the browser tries again by itself",
    mute="the browser is connected, but its microphone delivers nothing",
    flood="the browser sends more sound than time passes",
    unwanted="nobody listens to the browser's microphone any more",
    again="Choose it again",
)
PROGRAM = Sender(
    kind="program",
    title="Sound sent by a program",
    waiting="waiting for the program that sends the sound",
    lost="the connection to the program is lost; it may connect again",
    mute="the program is connected, but sends nothing",
    flood="the program sends more sound than time passes, and has not said that it sends a file",
    unwanted="nobody listens to the program's sound any more",
    again="Start a session again",
)


class Attachment:
    """A connection to the source. It ends with `detach`, `finish`, with the source, or when another one is attached."""

    def __init__(self, source: SocketSource, rate: float, channels: int, *, paced: bool) -> None:
        self._source = source
        self.rate = rate
        self.channels = channels
        self.paced = paced

    @property
    def active(self) -> bool:
        """False once what is pushed is no longer listened to."""
        return self._source.listens_to(self)

    def begin(self) -> None:
        """The sound begins now, even before its first block has come. Only for who sends no counts."""
        self._source.begin(self)

    def push(self, block: np.ndarray, first_frame: int | None = None) -> None:
        """Next block, float32 [n, channels], n at most a second of it.

        first_frame : frames that had been captured before this block, whether or not they arrived; None where it
            follows the block before.

        Raises SettingError for a block of another shape. Ignored when the attachment is not active any more.
        """
        if block.ndim != 2 or block.shape[1] != self.channels or len(block) > LONGEST_BLOCK_SECONDS * self.rate:
            raise SettingError(
                f"a block of shape {block.shape}", rule=f"blocks hold {self.channels} channels and at most a second"
            )
        if first_frame is not None and first_frame < 0:
            raise SettingError(f"first_frame={first_frame}", rule="frames are counted from 0")
        self._source.take(self, block, first_frame)

    def finish(self) -> None:
        """The sound has ended, and not only the connection: what is still held back on the way is handed over."""
        self._source.finish(self)

    def detach(self) -> None:
        """The connection is gone. May be called twice."""
        self._source.release(self)


class SocketSource(Source):
    """Sound from the other end of a network. It has no thread: the socket's thread pushes, others ask.

    Every method may be called from any thread; the sink is spoken to by one at a time.
    """

    def __init__(self, sender: Sender, *, clock: Clock) -> None:
        self.sender = sender
        self._clock = clock
        self._lock = threading.Lock()
        self._sink: Sink | None = None
        self._attachment: Attachment | None = None
        self._attached_before = False
        self._ended = False
        self._paced = False
        """Of the last connection; the windows of its end are classified when it has gone."""
        self._reattached = False
        self._detached_at = clock.now()
        self._capture: tuple[float, str] | None = None
        self._next_frame: int | None = None
        self._heard_at = 0.0
        self._quiet = True
        self._allowance_seconds = BURST_SECONDS
        self._allowed_at = clock.now()
        self._origin: float | None = None
        self._origin_at = 0.0
        self._losses: deque[tuple[float, float, str]] = deque(maxlen=256)

    # ---- as every source -----------------------------------------------------------------------------------------

    def start(self, inlet: Sink) -> None:
        with self._lock:
            self._sink = inlet

    def stop(self) -> None:
        with self._lock:
            sink, self._sink = self._sink, None
            self._drop()
            if sink is not None and self._next_frame is not None:
                sink.finish()
            self._next_frame = None

    def status(self) -> SourceStatus:
        with self._lock:
            state, detail = self._look(self._clock.now())
        return SourceStatus(kind=self.sender.kind, title=self.sender.title, state=state, detail=detail)

    @property
    def patient(self) -> bool:
        with self._lock:
            return self._paced

    @property
    def detached_seconds(self) -> float:
        """For how long nobody has been connected; 0 while somebody is."""
        with self._lock:
            return 0.0 if self._attachment is not None else self._clock.now() - self._detached_at

    # ---- the sender's side ---------------------------------------------------------------------------------------

    def attach(self, rate: float, channels: int, *, capture: str = "", paced: bool = False) -> Attachment:
        """Somebody has connected. Whoever was connected before is ignored from now on.

        rate : Hz, 3000 to 384000. channels : 1 to 8.
        capture : the sender's name for this run of the microphone. If it is that of the connection before, the frames
            are counted on, so that what was lost in between is known; "" is always a new one.
        paced : whoever pushes sees to it that the engine keeps up, so the sound may come faster than time passes.

        Raises SettingError for other values, and when the source is not being listened to.
        """
        if not RATES_HZ[0] <= rate <= RATES_HZ[1]:
            raise SettingError(f"rate={rate} Hz", rule=f"{RATES_HZ[0]:.0f} to {RATES_HZ[1]:.0f} Hz are possible")
        if not CHANNELS[0] <= channels <= CHANNELS[1]:
            raise SettingError(f"channels={channels}", rule=f"{CHANNELS[0]} to {CHANNELS[1]} channels are possible")
        with self._lock:
            if self._sink is None:
                raise SettingError(self.sender.unwanted, next_step=self.sender.again)
            if not capture or (rate, capture) != self._capture:
                self._capture = (rate, capture)
                self._next_frame = None
            self._attachment = Attachment(self, rate, channels, paced=paced)
            self._paced = paced
            self._attached_before = self._reattached = True
            self._ended = False
            self._heard_at = self._clock.now()
            self._origin = None
            return self._attachment

    def listens_to(self, attachment: Attachment) -> bool:
        """Whether this is the connection that is listened to."""
        with self._lock:
            return attachment is self._attachment

    def begin(self, attachment: Attachment) -> None:
        """What `Attachment.begin` says."""
        with self._lock:
            if attachment is self._attachment and self._sink is not None and self._next_frame is None:
                self._sink.begin(attachment.rate)
                self._next_frame = 0

    def take(self, attachment: Attachment, block: np.ndarray, first_frame: int | None) -> None:
        """What `Attachment.push` says."""
        with self._lock:
            sink = self._sink
            if attachment is not self._attachment or sink is None or not len(block):
                return
            now = self._clock.now()
            rate = attachment.rate
            if self._next_frame is None:
                sink.begin(rate)
                self._next_frame = first_frame or 0
            if first_frame is None:
                first_frame = self._next_frame
            if first_frame < self._next_frame:
                # These frames were here already.
                block = block[self._next_frame - first_frame :]
                first_frame = self._next_frame
                if not len(block):
                    return
            elif first_frame > self._next_frame:
                self._skip(sink, (first_frame - self._next_frame) / rate, rate, now)
            self._reattached = False
            self._next_frame = first_frame + len(block)
            self._heard_at, self._quiet = now, False
            if attachment.paced:
                sink.push(block, now)
            elif self._affordable(len(block) / rate, now):
                sink.push(block, self._captured_at(self._next_frame / rate, now))
            else:
                self._miss(sink, len(block) / rate, self.sender.flood, now)

    def finish(self, attachment: Attachment) -> None:
        """What `Attachment.finish` says."""
        with self._lock:
            if attachment is not self._attachment:
                return
            if self._sink is not None and self._next_frame is not None:
                self._sink.finish()
            # Whoever comes next begins anew.
            self._next_frame = self._capture = None
            self._ended = True
            self._drop()

    def release(self, attachment: Attachment) -> None:
        """What `Attachment.detach` says."""
        with self._lock:
            if attachment is self._attachment:
                self._drop()

    # ---- inside, with the lock held ------------------------------------------------------------------------------

    def _drop(self) -> None:
        if self._attachment is not None:
            self._attachment = None
            self._detached_at = self._clock.now()
        self._hush()

    def _hush(self) -> None:
        if not self._quiet and self._sink is not None:
            self._sink.quiet()
        self._quiet = True

    def _look(self, now: float) -> tuple[SourceState, str]:
        """The state and why it is so; the level falls to its floor where sound has stopped."""
        if self._attachment is None:
            if self._ended:
                return SourceState.ENDED, ""
            if not self._attached_before:
                return SourceState.STARTING, self.sender.waiting
            return SourceState.RECONNECTING, self.sender.lost
        if now - self._heard_at > STALL_SECONDS:
            self._hush()
            return SourceState.NO_SOUND, self.sender.mute
        if self._next_frame is None:
            return SourceState.STARTING, self.sender.waiting
        return SourceState.RUNNING, self._loss(now)

    def _skip(self, sink: Sink, seconds: float, rate: float, now: float) -> None:
        """So much is missing between the frames that were here last and those that have come."""
        if seconds <= BELIEVED_GAP_SECONDS:
            self._miss(sink, seconds, _BROKEN if self._reattached else _SLOW, now)
        if seconds > STRETCH_GAP_SECONDS:
            sink.begin(rate)

    def _miss(self, sink: Sink, seconds: float, reason: str, now: float) -> None:
        sink.lost(seconds)
        self._losses.append((now, seconds, reason))

    def _loss(self, now: float) -> str:
        """What was lost in the last seconds, in words; "" where nothing was."""
        while self._losses and now - self._losses[0][0] > LOSS_SHOWN_SECONDS:
            self._losses.popleft()
        if not self._losses:
            return ""
        seconds = sum(loss for _, loss, _ in self._losses)
        return f"{self._losses[-1][2]}: {max(0.1, seconds):.1f} s of sound were left out"

    def _affordable(self, seconds: float, now: float) -> bool:
        """Whether a microphone can have heard so much by now; protects the others from a sender gone wild."""
        earned = FASTEST_DEVICE * (now - self._allowed_at)
        self._allowance_seconds, self._allowed_at = min(BURST_SECONDS, self._allowance_seconds + earned), now
        if seconds > self._allowance_seconds:
            return False
        self._allowance_seconds -= seconds
        return True

    def _captured_at(self, seconds: float, now: float) -> float:
        """When the frame that ends `seconds` after the capture began was captured, on our clock.

        A block that waited in the network is older than its arrival. The fastest one so far tells what the clocks'
        difference is (with the shortest delay, which stays unknown); the others are measured against it.
        """
        origin = now - seconds
        if self._origin is not None:
            origin = min(origin, self._origin + DRIFT * (now - self._origin_at))
        self._origin, self._origin_at = origin, now
        return max(origin + seconds, now - BELIEVED_GAP_SECONDS)
