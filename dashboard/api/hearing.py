"""How far the engine has come with the sound of one connection, and how much more it may be given."""

from __future__ import annotations

import numpy as np

from dashboard.stage import Stage
from stream.session import Session
from stream.sources.socket import Attachment

PIECES_PER_HOP = 4
"""Sound of a file goes on in pieces of this fraction of a hop, so that no two windows become due with one of them."""


class Hearing:
    """Hands the sound of a connection on, and looks how much of it has been heard.

    A live session leaves windows out rather than fall behind. Of sound that need not be live (a paced attachment) none
    shall be missing, so it is handed on only as far as one window waits for the engine. That is known from outside: the
    windows of a stretch end at `window_seconds + k * hop_seconds`, and the newest prediction tells which was the last.
    """

    def __init__(self, stage: Stage, attachment: Attachment) -> None:
        self._stage = stage
        self._attachment = attachment
        self._begun = False
        self._session: Session | None = None
        self._begun_at = 0.0
        self._frames_then = 0
        self._frames = 0

    @property
    def seconds(self) -> float:
        """How much sound was handed on."""
        return self._frames / self._attachment.rate

    def begin(self) -> None:
        """Sound comes: a new stretch begins with what is pushed next. Called again it does nothing."""
        if not self._begun:
            self._begun = True
            self._attachment.begin()
            self._session = None  # where the stretch begins is known only now
            self._look()

    def push(self, block: np.ndarray) -> np.ndarray:
        """Hand on as much of a block, float32 [n, channels], as may go; returns the rest of it."""
        while len(block) and self.has_room():
            piece = block[: self._piece_frames()]
            self._attachment.push(piece)
            self._frames += len(piece)
            block = block[len(piece) :]
        return block

    def has_room(self) -> bool:
        """Whether the next piece may go on."""
        session = self._look()
        if not self._attachment.paced or not self._attachment.active or session is None or not self._is_due(session):
            return True
        # What the resampler holds back counts as well: it may come out with the next piece.
        handed_on = self._begun_at + (self._frames - self._frames_then) / self._attachment.rate
        piece = self._piece_frames() / self._attachment.rate
        return handed_on + piece < self._heard_until(session) + 2.0 * session.settings.hop_seconds

    def is_due(self) -> bool:
        """Whether a window is there that has not been classified yet (and will be)."""
        session = self._look()
        return self._begun and session is not None and self._is_due(session)

    # ---- inside ---------------------------------------------------------------------------------------------------

    def _look(self) -> Session | None:
        """The session that listens now. A model with another sample rate brings one that begins in mid-sound."""
        session = self._stage.session
        if session is not self._session:
            self._session = session
            self._begun_at = 0.0 if session is None else session.stream_time
            self._frames_then = self._frames
        return session

    def _is_due(self, session: Session) -> bool:
        if session.stuck:
            return False
        half_a_sample = 0.5 / session.inlet.sample_rate
        return session.stream_time >= self._heard_until(session) + session.settings.hop_seconds - half_a_sample

    def _heard_until(self, session: Session) -> float:
        """Stream time of the last window that was classified, or of the one that would have come before the first."""
        newest = session.results.latest
        if newest is not None and newest.stream_time > self._begun_at:
            return newest.stream_time
        return self._begun_at + session.classifier.window_seconds - session.settings.hop_seconds

    def _piece_frames(self) -> int:
        rate = self._attachment.rate
        if not self._attachment.paced:
            return round(rate)
        hop = self._stage.settings.hop_seconds
        return max(1, int(rate * hop / PIECES_PER_HOP))
