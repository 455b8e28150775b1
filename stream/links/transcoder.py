"""Bytes of any sound format in, samples out: the ffmpeg command between two pipes.

ffmpeg never sees an address. It may open nothing but its pipes, and the formats it may recognise are those of sound:
a playlist, whatever it is called, would make it open something else.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable

import numpy as np

from model.errors import LinkError
from stream.links.complaints import lines, not_sound, reason
from stream.sources.ffmpeg_decoder import FFMPEG_FORMATS, INSTALL_FFMPEG

PIECE_BYTES = 4096
"""What is read from the network at a time: a quarter of a second of a usual radio."""
PIPE_BYTES = 16384
"""How much may wait in each pipe, where the system lets one choose."""
PROBE_BYTES = 1_000_000
PROBE_MICROSECONDS = 500_000
JOINED_PROBE_BYTES = 8192
"""A stream that is joined in the middle of a frame leaves ffmpeg in doubt for a quarter of a megabyte if one lets it:
sixteen seconds of a usual radio."""
MOST_WITHOUT_SOUND_BYTES = 64_000_000
"""Whoever sends so much in which there is no sound does not mean to send any."""
MOST_MEMORY_BYTES = 2 << 30
RATES_HZ = (3000, 384_000)
MOST_CHANNELS = 8
_MOST_HEADER_BYTES = 1 << 20
_FLOAT_BYTES = 4
_ENDING_SECONDS = 5.0


class Transcoder:
    """ffmpeg at work on one stream. Ends when the stream ends, and at once when it is closed.

    pull : gives the next bytes of the stream, as many as there are but at most so many as are asked for; b"" at its
        end. It is called in a thread of the transcoder's own, and may wait. LinkError where the stream breaks: `read`
        raises it again, after the sound that came before it.
    joined : the stream was running already, as that of a radio: after a few frames it must be clear what it is.

    LinkError where there is no ffmpeg.
    """

    def __init__(self, pull: Callable[[int], bytes], *, joined: bool = False) -> None:
        program = shutil.which("ffmpeg")
        if program is None:
            raise LinkError(
                "links are heard through ffmpeg, which is not installed",
                rule="it must be on the path",
                next_step=INSTALL_FFMPEG,
                status=501,
            )
        self._pull = pull
        self._rate = 0
        self._channels = 0
        self._rest = b""
        self._started = False
        self._closed = threading.Event()
        self._reading = threading.Lock()
        self._fed_bytes = 0
        self._fed_without_sound = 0
        self._broken: Exception | None = None
        self._complaints: deque[str] = deque(maxlen=20)
        # ffmpeg waits where nobody reads, so that what is ahead is bounded by the pipes.
        self._process = subprocess.Popen(
            _command(program, joined=joined),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            pipesize=PIPE_BYTES,
        )
        _limit(self._process.pid)
        self._feeder = threading.Thread(target=self._feed, name="link-feeder", daemon=True)
        self._listener = threading.Thread(target=self._listen, name="link-complaints", daemon=True)
        self._feeder.start()
        self._listener.start()

    @property
    def sample_rate(self) -> int:
        """Hz; 0 until the first `read` has returned."""
        return self._rate

    @property
    def channels(self) -> int:
        """0 until the first `read` has returned."""
        return self._channels

    @property
    def fed_bytes(self) -> int:
        """So much of the stream was handed to ffmpeg."""
        return self._fed_bytes

    def read(self, frames: int) -> np.ndarray:
        """The next frames as soon as there are any, float32 [1 to frames, channels]; empty at the end.

        LinkError where the stream broke, where it is no sound, and where it has more than 8 channels or a sampling
        rate outside 3 to 384 kHz. It waits; `close` ends that.
        """
        with self._reading:
            if self._closed.is_set():
                return self._nothing()
            if not self._channels and not self._read_header():
                self._end()
                return self._nothing()
            size = frames * self._channels * _FLOAT_BYTES
            frame_bytes = self._channels * _FLOAT_BYTES
            while len(self._rest) < frame_bytes:
                data = self._more(size - len(self._rest))
                if not data:
                    self._end()
                    return self._nothing()
                self._rest += data
            whole = min(len(self._rest), size) // frame_bytes * frame_bytes
            block, self._rest = self._rest[:whole], self._rest[whole:]
            self._started = True
            self._fed_without_sound = 0
            return np.frombuffer(block, dtype="<f4").reshape(-1, self._channels)

    def close(self) -> None:
        """End ffmpeg. From any thread, and twice. A `pull` that waits must be ended by whoever made it."""
        self._closed.set()
        self._process.kill()
        self._process.wait()
        with self._reading:  # whoever reads has been told by the end of the pipe
            if self._process.stdout is not None:
                self._process.stdout.close()

    def _nothing(self) -> np.ndarray:
        return np.empty((0, self._channels), dtype=np.float32)

    def _more(self, size: int) -> bytes:
        stdout = self._process.stdout
        return (stdout.read(size) or b"") if stdout is not None and not stdout.closed else b""

    def _read_header(self) -> bool:
        """Rate and channels from the head of the wav file ffmpeg writes (RIFF chunks); False if it ends before."""
        head = b""
        while True:
            found = _wav_format(head)
            if found is not None:
                self._rate, self._channels, begins = found
                self._rest = head[begins:]
                if not (RATES_HZ[0] <= self._rate <= RATES_HZ[1] and 1 <= self._channels <= MOST_CHANNELS):
                    raise LinkError(
                        f"it has {self._channels} channels and {self._rate} samples a second",
                        rule=f"1 to {MOST_CHANNELS} channels and {RATES_HZ[0]} to {RATES_HZ[1]} Hz are possible",
                        next_step="Choose another link",
                        status=502,
                    )
                return True
            data = self._more(PIPE_BYTES) if len(head) < _MOST_HEADER_BYTES else b""
            if not data:
                return False
            head += data

    def _end(self) -> None:
        """No more sound comes. Raises what ended it, unless that is the stream's own end."""
        if self._closed.is_set():
            return
        try:
            failed = self._process.wait(_ENDING_SECONDS) != 0
        except subprocess.TimeoutExpired:
            self._process.kill()
            failed = True
        if failed:  # it stopped by itself: the feeder may be waiting for a network that nobody needs any more
            self._closed.set()
            self._listener.join(_ENDING_SECONDS)
        if self._broken is not None:
            raise self._broken
        if not self._started:
            raise not_sound(self._complaints)
        if failed:
            raise LinkError(
                f"the sound breaks off ({reason(self._complaints)})",
                rule="what follows cannot be read",
                next_step="Try it again, or choose another link",
                status=502,
                temporary=True,
            )

    # ---- threads -------------------------------------------------------------------------------------------------

    def _feed(self) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        try:
            while not self._closed.is_set():
                data = self._pull(PIECE_BYTES)
                if not data:
                    break
                self._write(data)
                if self._fed_without_sound > MOST_WITHOUT_SOUND_BYTES:
                    raise LinkError(
                        f"there is no sound in {self._fed_without_sound // 1_000_000} MB of it",
                        rule="a link leads to sound",
                        next_step="Choose another link",
                        status=502,
                    )
        except (BrokenPipeError, ValueError):
            pass  # ffmpeg has ended; why is found out by whoever reads
        except Exception as error:
            self._broken = error
        finally:
            with contextlib.suppress(OSError):
                stdin.close()

    def _write(self, data: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        view = memoryview(data)
        while len(view):
            written = stdin.write(view) or 0
            view = view[written:]
            self._fed_bytes += written
            self._fed_without_sound += written

    def _listen(self) -> None:
        """Keep the last lines ffmpeg complains with; a damaged stream makes it write without end."""
        stderr = self._process.stderr
        assert stderr is not None
        with stderr:
            for line in lines(stderr.read):
                self._complaints.append(line)


def _command(program: str, *, joined: bool) -> list[str]:
    """No `-fflags nobuffer`: it throws away what was read while the format was being found out."""
    command = [program, "-hide_banner", "-nostdin", "-nostats", "-v", "error", "-threads", "1"]
    command += ["-protocol_whitelist", "pipe", "-format_whitelist", FFMPEG_FORMATS]
    command += ["-probesize", str(PROBE_BYTES), "-analyzeduration", str(PROBE_MICROSECONDS)]
    command += ["-formatprobesize", str(JOINED_PROBE_BYTES)] if joined else []
    command += ["-i", "pipe:0"]
    command += ["-vn", "-sn", "-dn", "-map", "0:a:0", "-map_metadata", "-1", "-threads", "1", "-c:a", "pcm_f32le"]
    return [*command, "-flush_packets", "1", "-f", "wav", "pipe:1"]


def _limit(process_id: int) -> None:
    """Where the system can (Linux): bounded memory, no files written. Done before it is given its first byte."""
    if sys.platform != "linux":
        return
    import resource

    limits = {resource.RLIMIT_AS: MOST_MEMORY_BYTES, resource.RLIMIT_FSIZE: 0, resource.RLIMIT_CORE: 0}
    for what, most in limits.items():
        with contextlib.suppress(OSError, ValueError):  # it has ended already, or is bounded more tightly
            resource.prlimit(process_id, what, (most, most))


def _wav_format(head: bytes) -> tuple[int, int, int] | None:
    """Rate, channels, and where the samples begin; None if the head is not complete yet."""
    at = 12
    rate = channels = 0
    while at + 8 <= len(head):
        name, size = head[at : at + 4], int.from_bytes(head[at + 4 : at + 8], "little")
        if name == b"data":
            return rate, channels, at + 8
        if name == b"fmt " and at + 24 <= len(head):
            channels = int.from_bytes(head[at + 10 : at + 12], "little")
            rate = int.from_bytes(head[at + 12 : at + 16], "little")
        at += 8 + size + size % 2
    return None
