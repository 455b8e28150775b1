"""Log-mel spectrograms: one code for training, for whole files and for live sound.

A stream computes every frame once, however the samples arrive, and its frames are those of the whole file. The two
ends are treated like this:

left edge    zeros before the first sample, as a centred STFT has them (librosa: `center=True, pad_mode="constant"`)
right edge   a frame is made only when its last sample has arrived; librosa would make up to `n_fft / 2 / hop_length`
             more frames out of zeros, which a live stream cannot know

So the newest frame is centred half an `n_fft` before the newest sample (256 samples, 16 ms, for musicnn), and the first
window of 187 frames is there after 47,872 samples (2.992 s).
"""

from __future__ import annotations

import numpy as np

from model.front_end import FrontEnd, mel_filters

__all__ = ["FrontEnd", "MelSpectrogramStream", "log_mel"]

_FRAMES_AT_ONCE = 64
"""Frames computed together: enough to keep NumPy busy, few enough to stay in the cache (0.3 MB for musicnn)."""


def log_mel(samples: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """The spectrogram of a whole recording.

    Parameters
    ----------
    samples : float32 [n], mono, -1..1, at `front_end.sample_rate`.

    Returns
    -------
    float32 [frames, bands], 0 and more, with `frames = (n - n_fft / 2) // hop_length + 1`, or none if n is smaller.
    """
    frames = max(0, (len(samples) - front_end.n_fft // 2) // front_end.hop_length + 1)
    stream = MelSpectrogramStream(front_end, history_frames=max(frames, 1))
    stream.push(samples)
    return stream.frames(0, frames)


class MelSpectrogramStream:
    """The spectrogram of one stream. Memory is bounded by `history_frames`, whatever comes in.

    Not for several threads at once: its owner pushes and reads.
    """

    def __init__(self, front_end: FrontEnd, *, history_frames: int) -> None:
        self.front_end = front_end
        self.frame_count = 0
        self._capacity = max(history_frames, front_end.window_frames)
        # Every frame is written twice, `capacity` apart, so that any stretch of the history is one contiguous view.
        self._history = np.zeros((2 * self._capacity, front_end.bands), np.float32)

        n_fft, hop = front_end.n_fft, front_end.hop_length
        self._pending = np.zeros(n_fft + (_FRAMES_AT_ONCE - 1) * hop, np.float32)
        self._framed = np.lib.stride_tricks.sliding_window_view(self._pending, n_fft)[::hop]
        self._filters = mel_filters(front_end)
        self._taper = (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)
        self._tapered = np.empty((_FRAMES_AT_ONCE, n_fft), np.float32)
        self._spectrum = np.empty((_FRAMES_AT_ONCE, n_fft // 2 + 1), np.complex64)
        self._power = np.empty((_FRAMES_AT_ONCE, n_fft // 2 + 1), np.float32)
        self._mel = np.empty((_FRAMES_AT_ONCE, front_end.bands), np.float32)
        self._pending_count = n_fft // 2

    def push(self, samples: np.ndarray) -> None:
        """Take the next samples: float32 [any number], mono, at the front end's rate."""
        taken = 0
        while taken < len(samples):
            count = min(len(samples) - taken, len(self._pending) - self._pending_count)
            self._pending[self._pending_count : self._pending_count + count] = samples[taken : taken + count]
            self._pending_count += count
            taken += count
            if self._pending_count >= self.front_end.n_fft:
                self._compute()

    def window(self, end_frame: int) -> np.ndarray:
        """Frames `end_frame - window_frames .. end_frame`: float32 [window_frames, bands], a view, valid until `push`.

        Raises IndexError if one of them is not there yet, or no longer.
        """
        start = end_frame - self.front_end.window_frames
        if start < max(0, self.frame_count - self._capacity) or end_frame > self.frame_count:
            raise IndexError(f"frames {start}..{end_frame} are not held (frame_count={self.frame_count})")
        return self._view(start, end_frame)

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Frames `start .. stop` as far as they are held: float32 [up to stop - start, bands], a view until `push`."""
        start = max(start, 0, self.frame_count - self._capacity)
        return self._view(start, max(start, min(stop, self.frame_count)))

    def reset(self) -> None:
        """Forget everything: the next samples begin a new stream."""
        self.frame_count = 0
        self._pending_count = self.front_end.n_fft // 2
        self._pending[: self._pending_count] = 0.0

    def _view(self, start: int, stop: int) -> np.ndarray:
        place = start % self._capacity
        return self._history[place : place + stop - start]

    def _compute(self) -> None:
        """Turn every complete frame that is pending into a row of the history."""
        n_fft, hop = self.front_end.n_fft, self.front_end.hop_length
        count = (self._pending_count - n_fft) // hop + 1
        tapered, spectrum = self._tapered[:count], self._spectrum[:count]
        power, mel = self._power[:count], self._mel[:count]
        np.multiply(self._framed[:count], self._taper, out=tapered)
        np.fft.rfft(tapered, axis=1, out=spectrum)  # type: ignore[arg-type] # NumPy's types know double precision only
        np.multiply(spectrum.real, spectrum.real, out=power)
        # The real parts are used up, so their place takes the squares of the imaginary parts.
        np.multiply(spectrum.imag, spectrum.imag, out=spectrum.real)
        power += spectrum.real
        np.matmul(power, self._filters, out=mel)
        mel *= 10_000.0
        mel += 1.0
        np.log10(mel, out=mel)
        self._remember(mel)

        kept = self._pending_count - count * hop
        self._pending[:kept] = self._pending[count * hop : self._pending_count].copy()
        self._pending_count = kept

    def _remember(self, mel: np.ndarray) -> None:
        done = 0
        while done < len(mel):
            place = self.frame_count % self._capacity
            count = min(len(mel) - done, self._capacity - place)
            rows = mel[done : done + count]
            self._history[place : place + count] = rows
            self._history[place + self._capacity : place + self._capacity + count] = rows
            self.frame_count += count
            done += count
