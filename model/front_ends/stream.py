"""A front end at work on sound that comes in pieces.

Every frame is computed once, however the samples arrive, and the frames are those of the whole file. The newest frame
is centred half an `n_fft` before the newest sample (256 samples, 16 ms, for musicnn), and the first window of musicnn's
187 frames is there after 47,872 samples (2.992 s).
"""

from __future__ import annotations

import numpy as np

from model.front_ends.front_end import FrontEnd
from model.front_ends.power import PowerSpectra


class FrontEndStream:
    """The frames of one stream. Memory is bounded by `history_frames`, whatever comes in.

    Not for several threads at once: its owner pushes and reads.
    """

    def __init__(self, front_end: FrontEnd, *, history_frames: int) -> None:
        self.front_end = front_end
        self.frame_count = 0
        """Frames computed since the stream began."""
        capacity = max(history_frames, front_end.window_frames)
        self._spectra = PowerSpectra(front_end.n_fft, front_end.hop_length, front_end.window)
        self._computation = front_end.open_computation()
        self._features = _History(capacity, front_end.frame_shape)
        self._picture = (
            self._features if front_end.hears_picture else _History(capacity, (len(front_end.band_frequencies_hz),))
        )

    def push(self, samples: np.ndarray) -> None:
        """Take the next samples: float32 [any number], mono, at the front end's rate."""
        for power in self._spectra.push(samples):
            rows = self._computation(power)
            self._features.append(rows.features)
            if self._picture is not self._features:
                self._picture.append(rows.picture)
            self.frame_count = self._features.count

    def window(self, end_frame: int) -> np.ndarray:
        """Frames `end_frame - window_frames .. end_frame`: float32 [*window_shape], a view, valid until `push`.

        Raises IndexError if one of them is not there yet, or no longer.
        """
        start = end_frame - self.front_end.window_frames
        if start < self._features.first or end_frame > self.frame_count:
            raise IndexError(f"frames {start}..{end_frame} are not held (frame_count={self.frame_count})")
        return self._features.view(start, end_frame)

    def frames(self, start: int, stop: int) -> np.ndarray:
        """The picture of frames `start .. stop` as far as they are held: float32 [up to stop - start, bands], a view
        until `push`."""
        start = max(start, self._picture.first)
        return self._picture.view(start, max(start, min(stop, self.frame_count)))

    def reset(self) -> None:
        """Forget everything: the next samples begin a new stream."""
        self._spectra.reset()
        self._computation = self.front_end.open_computation()
        self.frame_count = self._features.count = self._picture.count = 0


class _History:
    """The last rows of a stream, float32. Every row is written twice, `capacity` apart, so that any stretch of the
    history is one contiguous view."""

    def __init__(self, capacity: int, shape: tuple[int, ...]) -> None:
        self.count = 0
        self._capacity = capacity
        self._rows = np.zeros((2 * capacity, *shape), np.float32)

    @property
    def nbytes(self) -> int:
        return self._rows.nbytes

    @property
    def first(self) -> int:
        """The oldest row that is held."""
        return max(0, self.count - self._capacity)

    def view(self, start: int, stop: int) -> np.ndarray:
        place = start % self._capacity
        return self._rows[place : place + stop - start]

    def append(self, rows: np.ndarray) -> None:
        done = 0
        while done < len(rows):
            place = self.count % self._capacity
            count = min(len(rows) - done, self._capacity - place)
            piece = rows[done : done + count]
            self._rows[place : place + count] = piece
            self._rows[place + self._capacity : place + self._capacity + count] = piece
            self.count += count
            done += count
