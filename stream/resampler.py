"""One stateful resampler per source: the stream comes out as if it had been resampled in one piece."""

from __future__ import annotations

import numpy as np
import soxr


class StreamResampler:
    """Mono float32 stream from `rate_in` to `rate_out` hertz (soxr, high quality).

    Block by block equals one shot; resampling each block on its own would click at every boundary. Output lags the
    input by about 30 ms, and `flush` gives the rest.
    """

    def __init__(self, rate_in: float, rate_out: int) -> None:
        if rate_in <= 0 or rate_out <= 0:
            raise ValueError(f"rate_in={rate_in} and rate_out={rate_out} must be positive")
        self.rate_in = rate_in
        self.rate_out = rate_out
        self._same = float(rate_in) == float(rate_out)
        self._stream = None if self._same else soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32", quality="HQ")

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Next samples in, float32 [n]; what is ready comes out, float32 [m]."""
        if self._stream is None:
            return samples
        return self._stream.resample_chunk(samples)

    def flush(self) -> np.ndarray:
        """The samples still inside; afterwards the resampler begins a new stream."""
        if self._stream is None:
            return np.empty(0, dtype=np.float32)
        tail = self._stream.resample_chunk(np.empty(0, dtype=np.float32), last=True)
        self._stream.clear()
        return tail
