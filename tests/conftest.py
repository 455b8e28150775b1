"""What several rooms' tests share."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.stream.links.icecast import Icecast, require_icecast
from tests.virtual_sound import VirtualSound, require_programs


def pytest_configure() -> None:
    """Programs that a shell starts in the background ignore Ctrl-C, and so would all that the tests start and stop."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def virtual_sound() -> Iterator[VirtualSound]:
    """A running PulseAudio with a null sink; programs find it through its `environment`."""
    require_programs()
    sound = VirtualSound()
    try:
        sound.start()
        yield sound
    finally:
        sound.close()


@pytest.fixture
def icecast() -> Iterator[Icecast]:
    """A real Icecast on loopback."""
    require_icecast()
    server = Icecast()
    try:
        server.start()
        yield server
    finally:
        server.close()
