"""The websocket `/microphone?stage=ID`: the sound of a browser's microphone, for a stage that listens to it.

The page speaks first, in text:

    {"version": 1, "rate": 48000, "channels": 1, "capture": "a name for this run of the microphone"}

and is answered `{"ok": true}`. From then on it sends binary messages, each a block of at most a second:

    bytes 0 to 7    uint64, little-endian: frames captured before this block, since the capture began
    the rest        float32, little-endian, -1..1: the frames, each one sample of every channel in turn

Frames that were left out on the way show in the count and are counted as lost. The same `capture` after a broken
connection goes on with the count.

How it ends, `dashboard.sound_socket` says.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
from flask import Flask, Response, request

from dashboard.sound_socket import BAD_MESSAGE, STEP_SECONDS, RefusalError, SoundSocket, serve_sound
from model.errors import SettingError
from stream.clock import Clock, SystemClock
from stream.sources.socket import BROWSER, Attachment

if TYPE_CHECKING:
    from dashboard.studio import Studio

CAPTURE_CHARACTERS = 64

_COUNT = struct.Struct("<Q")
_SAMPLE = np.dtype("<f4")


def register_microphone(server: Flask, studio: Studio, *, clock: Clock | None = None) -> None:
    """Add the websocket to the server. `Access.guard` looks at its handshake as at every request."""
    time = clock or SystemClock()

    @server.route("/microphone", websocket=True)
    def microphone() -> Response:
        return serve_sound(studio, request.args.get("stage", ""), BROWSER, time, _listen)


def _listen(page: SoundSocket) -> None:
    """Pass on what the browser sends until one of the two has had enough."""
    said = page.hello()
    capture = said.get("capture", "")
    if not isinstance(capture, str) or len(capture) > CAPTURE_CHARACTERS:
        raise RefusalError(BAD_MESSAGE, f"capture must be a text of at most {CAPTURE_CHARACTERS} characters")
    source = page.source()
    attachment = page.attach(source, said["rate"], said["channels"], capture=capture)
    try:
        page.send({"ok": True})
        while attachment.active:
            message = page.receive(STEP_SECONDS)
            if message is not None:
                _push(attachment, message)
    finally:
        attachment.detach()
    raise page.replaced(source)


def _push(attachment: Attachment, message: str | bytes) -> None:
    if isinstance(message, str):
        raise RefusalError(BAD_MESSAGE, "after the first message there is only sound")
    frame_bytes = _SAMPLE.itemsize * attachment.channels
    if len(message) < _COUNT.size or (len(message) - _COUNT.size) % frame_bytes:
        raise RefusalError(BAD_MESSAGE, f"{len(message)} bytes are no count and whole frames")
    block = np.frombuffer(message, _SAMPLE, offset=_COUNT.size).reshape(-1, attachment.channels)
    try:
        attachment.push(block, _COUNT.unpack_from(message)[0])
    except SettingError as error:
        raise RefusalError(BAD_MESSAGE, error.what) from error
