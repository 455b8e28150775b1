"""What several rooms' tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.stream.links.icecast import Icecast, require_icecast
from tests.virtual_sound import VirtualSound, require_programs


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
