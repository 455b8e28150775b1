"""The three networks that the student learns from, and what they say of a piece of sound."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr

from model.errors import BundleError
from model.front_ends.log_mel import LogMel
from model.library import Library
from model.teaching.corpus import SAMPLE_RATE

SECONDS = 3.0
LABELS_FILE = "class_labels_indices.csv"
GATES = ("Speech", "Singing", "Music", "Silence")
_FIRST_GENRE, _LAST_GENRE = "Pop music", "Scary music"
"""Genres, roles and moods of music stand together in the ontology's list of classes."""
FRAMES, BANDS = 300, 128
_FFT, _WINDOW, _HOP = 1024, 800, 320
_HIGHEST_HZ = 15_000.0


@dataclass(frozen=True)
class Lesson:
    """What the student hears and what it should say.

    window : float32 [batch, 187, 96], the student's spectrogram.
    audioset, msd, mtt : float32 [batch, names], 0..1; embedding : float32 [batch, 200], of the MSD network. mtt is NaN
        where that teacher was not asked.
    """

    window: np.ndarray
    audioset: np.ndarray
    msd: np.ndarray
    mtt: np.ndarray
    embedding: np.ndarray


class Teachers:
    """Two musicnn of the bundles `msd_tags` and `mtt_tags`, and EfficientAT's mn04_as.

    audioset_file : mn04_as as a Keras model, with the list of its classes beside it. It is not shipped.

    Reference: F. Schmid et al., "Efficient large-scale audio tagging via transformer-to-CNN knowledge distillation",
    ICASSP 2023, arXiv 2211.04772.
    """

    def __init__(self, audioset_file: Path) -> None:
        library = Library()
        self._msd, self._mtt = (library.open(name, device="cpu") for name in ("msd_tags", "mtt_tags"))
        self._msd.load()
        self._mtt.load()
        import keras
        import tensorflow

        try:
            network = keras.models.load_model(audioset_file, compile=False)
            with (audioset_file.parent / LABELS_FILE).open(encoding="utf-8", newline="") as file:
                classes = [row["display_name"] for row in csv.DictReader(file)]
        except (OSError, ValueError, KeyError) as error:
            raise BundleError(f"the teacher {audioset_file} cannot be used", rule=str(error)) from error
        self._audioset = tensorflow.function(lambda windows: network(windows, training=False), autograph=False)
        self._columns = audioset_columns(classes)
        self._front_end = LogMel()
        self.names = {
            "audioset": tuple(classes[column] for column in self._columns),
            "msd": self._msd.bundle.network_tags,
            "mtt": self._mtt.bundle.network_tags,
        }

    def teach(self, samples: np.ndarray, *, with_mtt: bool = True) -> Lesson:
        """float32 [batch, n] at `SAMPLE_RATE`, at least `SECONDS` and a little -> a lesson on the end of each.

        with_mtt : whether MTT_musicnn is asked, which takes more time than everything else.
        """
        rate = self._front_end.sample_rate
        frames = self._front_end.window_frames
        heard = [self._front_end.compute(soxr.resample(row, SAMPLE_RATE, rate))[-frames:] for row in samples]
        windows = np.stack(heard)
        msd = self._msd.network(windows)
        mtt = (
            self._mtt.network(windows)["tags"] if with_mtt else np.full((len(windows), len(self.names["mtt"])), np.nan)
        )
        answer = self._audioset(audioset_windows(samples[:, -round(SECONDS * SAMPLE_RATE) :]))
        # The file's model may answer with its probabilities alone, with an embedding beside them, or by name.
        if isinstance(answer, dict):
            answer = next(values for values in answer.values() if values.shape[-1] > len(self._columns))
        elif isinstance(answer, list | tuple):
            answer = answer[0]
        return Lesson(
            windows,
            np.asarray(answer)[:, self._columns],
            msd["tags"],
            mtt.astype(np.float32),
            msd["embedding"],
        )


def audioset_columns(classes: list[str]) -> list[int]:
    """Which of AudioSet's classes are taught: music's genres, roles and moods, and what tells music from the rest."""
    first, last = classes.index(_FIRST_GENRE), classes.index(_LAST_GENRE)
    return [classes.index(name) for name in GATES] + list(range(first, last + 1))


def audioset_windows(samples: np.ndarray) -> np.ndarray:
    """float32 [batch, 96000] at 32 kHz -> float32 [batch, 300, 128], as mn04_as hears.

    Pre-emphasis of .97; frames of 800 samples (symmetric Hann) in 1024, one every 320; power; Kaldi's mel bands up to
    15 kHz; (ln(x + 1e-5) + 4.5) / 5.
    """
    emphasised = samples.astype(np.float32)
    emphasised[:, 1:] -= np.float32(0.97) * samples[:, :-1]
    padded = np.pad(emphasised, ((0, 0), (_FFT // 2, _FFT // 2)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT, axis=1)[:, ::_HOP][:, :FRAMES]
    window = np.zeros(_FFT, np.float32)
    margin = (_FFT - _WINDOW) // 2
    window[margin : margin + _WINDOW] = np.hanning(_WINDOW)
    bands = _kaldi_bands()
    mel = np.stack([np.square(np.abs(np.fft.rfft(row * window, axis=1))).astype(np.float32) @ bands for row in frames])
    return ((np.log(mel + np.float32(1e-5)) + 4.5) / 5.0).astype(np.float32)


def _kaldi_bands() -> np.ndarray:
    """float32 [513, 128]: triangles equally wide in mel, not normalised; nothing at the Nyquist frequency."""
    edges = np.linspace(0.0, _mel(_HIGHEST_HZ), BANDS + 2)[:, None]
    places = _mel(np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT)[None]
    rising = (places - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - places) / (edges[2:] - edges[1:-1])
    bands = np.maximum(0.0, np.minimum(rising, falling))
    bands[:, -1] = 0.0
    return np.ascontiguousarray(bands.T, np.float32)


def _mel(frequency_hz: float | np.ndarray) -> np.ndarray:
    return np.asarray(1127.0 * np.log(1.0 + np.asarray(frequency_hz) / 700.0))
