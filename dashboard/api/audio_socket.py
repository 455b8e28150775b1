"""The websocket `/api/v1/sessions/ID/audio`: a program sends sound, and is told there what is heard in it.

The program speaks first, in text:

    {"version": 1, "rate": 44100, "channels": 2, "format": "s16", "pace": "live"}

format : "f32", "s16", "s24" or "s32", little-endian, the channels interleaved.
pace : "live" (also if it is left out) for sound that is being captured: what comes faster than time passes, but for a
    burst of ten seconds, is left out and counted. "file" for sound that is there already: no more is taken in than the
    engine keeps up with, so that the sender waits (TCP sees to that) and no window is missing.

The server answers {"type": "ready", "session", "model", "labels", "window_seconds"}. Then the program sends binary
messages, each of whole frames, at most 1 MiB and a second of them; the server sends, when there is something to say:

    {"type": "result", ...}   what was heard in a window, with the fields of `GET /sessions/ID/results`
    {"type": "state", "state", "detail", "lost_seconds", "skipped_windows"}   at first, and whenever it has changed
    {"type": "model", "model", "labels", "window_seconds"}   another model listens now: its results have other labels

At last the program may say {"type": "end"}. What it has sent is then heard to its last sample, {"type": "end",
"seconds": of sound that were sent} comes back after the last result, and the server closes with 1000. The other codes
are those of `dashboard.sound_socket`.
"""

from __future__ import annotations

import json
from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np
from flask import Response

from dashboard.api.hearing import Hearing
from dashboard.api.reports import Reports
from dashboard.api.sample_formats import FORMATS, SampleFormat
from dashboard.sound_socket import BAD_MESSAGE, STEP_SECONDS, RefusalError, SoundSocket, serve_sound
from stream.clock import Clock, SystemClock
from stream.sources.socket import LONGEST_BLOCK_SECONDS, PROGRAM

if TYPE_CHECKING:
    from flask_openapi import APIBlueprint

    from dashboard.studio import Studio

MEMBERS = {"version", "rate", "channels", "format", "pace"}
PACES = ("live", "file")
END_CHARACTERS = 100
POLL_SECONDS = 0.02
"""How often it is looked for a result while one is due; the socket is not left alone for longer."""
KEEP_UP_SECONDS = 0.004
"""How often it is looked whether the engine can take more of a file."""
WAITING_MESSAGES = 2
"""Messages of a file that wait for the engine. The rest waits in the network, and then at the sender."""
OVERDUE_SECONDS = 10.0
"""Without a result for so long, although one is due and the network is loaded, none is waited for at the end."""


def register_audio_socket(api: APIBlueprint, studio: Studio, *, clock: Clock | None = None) -> None:
    """Add the websocket. `Access.guard` looks at its handshake as at every request."""
    time = clock or SystemClock()

    @api.route("/sessions/<identifier>/audio", websocket=True)
    def audio(identifier: str) -> Response:
        return serve_sound(studio, identifier, PROGRAM, time, lambda socket: _Conversation(socket, identifier).run())


class _Conversation:
    """One connection of a program, from the hello to the end."""

    def __init__(self, socket: SoundSocket, identifier: str) -> None:
        self._socket = socket
        self._identifier = identifier
        self._waiting: deque[np.ndarray] = deque()
        self._ended = False

    def run(self) -> None:
        """Take in sound and send results until there is no more of either."""
        said = self._socket.hello()
        self._format, paced = _announced(said)
        source = self._socket.source()
        self._attachment = self._socket.attach(source, said["rate"], said["channels"], paced=paced)
        try:
            stage = self._socket.stage()
            self._hearing = Hearing(stage, self._attachment)
            self._reports = Reports(self._socket, stage)
            self._reports.greet(self._identifier)
            while self._attachment.active:
                self._step()
                if self._ended and not self._waiting:
                    self._finish()
                    return
        finally:
            self._attachment.detach()
        raise self._socket.replaced(source)

    def _step(self) -> None:
        """One message in, as much sound on as may go, all results out."""
        if len(self._waiting) < WAITING_MESSAGES and not self._ended:
            message = self._socket.receive(self._wait_seconds())
            if message is not None:
                self._heed(message)
        else:
            self._socket.wait(KEEP_UP_SECONDS)
        while self._waiting and self._hearing.has_room():
            rest = self._hearing.push(self._waiting.popleft())
            if len(rest):
                self._waiting.appendleft(rest)
        self._reports.send_news()

    def _wait_seconds(self) -> float:
        if self._waiting:
            return KEEP_UP_SECONDS
        return POLL_SECONDS if self._hearing.is_due() else STEP_SECONDS

    def _heed(self, message: str | bytes) -> None:
        if isinstance(message, str):
            self._ended = _says_end(message)
            return
        try:
            block = self._format.block(message, self._attachment.channels)
        except ValueError as error:
            raise RefusalError(BAD_MESSAGE, str(error)) from error
        if len(block) > LONGEST_BLOCK_SECONDS * self._attachment.rate:
            raise RefusalError(BAD_MESSAGE, f"{len(block)} frames are more than a second")
        if len(block):
            self._hearing.begin()
            self._waiting.append(block)

    def _finish(self) -> None:
        """Wait until all has been heard, and say so."""
        self._attachment.finish()
        patient_until = self._socket.now() + OVERDUE_SECONDS
        while self._hearing.is_due() and self._socket.now() < patient_until:
            if self._socket.receive(POLL_SECONDS) is not None:
                raise RefusalError(BAD_MESSAGE, "nothing comes after the end")
            if self._reports.send_news() or self._reports.is_loading:
                patient_until = self._socket.now() + OVERDUE_SECONDS
        self._reports.send_news(at_last=True)
        self._socket.send({"type": "end", "seconds": round(self._hearing.seconds, 3)})


def _announced(said: dict[str, Any]) -> tuple[SampleFormat, bool]:
    """Format of the samples, and whether they are paced, of the first message."""
    unknown = sorted(set(said) - MEMBERS)
    if unknown:
        raise RefusalError(BAD_MESSAGE, f"the first message has no member {unknown[0][:20]!r}")
    sample_format, pace = said.get("format"), said.get("pace", "live")
    if not isinstance(sample_format, str) or sample_format not in FORMATS:
        raise RefusalError(BAD_MESSAGE, f"format is one of {', '.join(FORMATS)}")
    if not isinstance(pace, str) or pace not in PACES:
        raise RefusalError(BAD_MESSAGE, f"pace is one of {', '.join(PACES)}")
    return FORMATS[sample_format], pace == "file"


def _says_end(message: str) -> bool:
    """True; anything but the end is refused."""
    try:
        said = json.loads(message) if len(message) <= END_CHARACTERS else None
    except (ValueError, RecursionError):
        said = None
    if said != {"type": "end"}:
        raise RefusalError(BAD_MESSAGE, 'after the first message there is only sound, and {"type": "end"}')
    return True
