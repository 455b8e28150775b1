"""Wrong passwords: whoever tries many of them waits longer and longer."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from stream.clock import Clock

FREE_ATTEMPTS = 5
"""So many different wrong passwords cost nothing: people mistype."""
FIRST_WAIT_SECONDS = 1.0
LONGEST_WAIT_SECONDS = 60.0
"""Each further one costs twice as much as the one before, up to this."""
FORGOTTEN_SECONDS = 15 * 60.0
"""Without a new wrong one for so long, everything is as if nothing had been."""
REMEMBERED = 16
"""Wrong passwords that are known again, of each address. Not the passwords themselves: salted hashes."""
ADDRESSES = 1024
"""More are not kept; the one that was quiet for longest goes. So the table stays small, whoever asks."""


@dataclass
class _Guesser:
    """An address from which wrong passwords came."""

    failures: int = 0
    failed_at: float = 0.0
    waits_until: float = 0.0
    known: deque[bytes] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class Attempts:
    """Who has tried wrong passwords, and how long they must wait before the next is looked at.

    Every address has an account of its own (of IPv6 each network of 2**64 addresses, as every household has one), so
    nobody is held up by a guesser somewhere else. A wrong password that comes again tells a guesser nothing new, and
    does not count: a program left over from an earlier run may repeat its old one for days.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._salt = secrets.token_bytes(16)
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()
        """The one that failed longest ago comes first."""

    def __len__(self) -> int:
        return len(self._guessers)

    def judge(self, address: str, given: str, *, right: bool) -> float:
        """How long this address has to wait before this password counts, right or wrong; 0.0: it counts now.

        A wrong one is noted. Both in one step, so that a hundred guesses at the same moment are a hundred guesses.
        """
        with self._lock:
            guesser = self._guesser(address) or _Guesser()
            digest = self._digest(given)
            if digest in guesser.known:
                return 0.0
            now = self._clock.now()
            if now < guesser.waits_until:
                return guesser.waits_until - now
            if not right:
                self._note(address, guesser, digest, now)
            return 0.0

    def _note(self, address: str, guesser: _Guesser, digest: bytes, now: float) -> None:
        guesser.known.append(digest)
        guesser.failures += 1
        guesser.failed_at = now
        doublings = guesser.failures - FREE_ATTEMPTS
        if doublings >= 0:
            guesser.waits_until = now + min(FIRST_WAIT_SECONDS * 2.0 ** min(doublings, 30), LONGEST_WAIT_SECONDS)
        self._guessers[_network(address)] = guesser
        self._guessers.move_to_end(_network(address))
        while len(self._guessers) > ADDRESSES:
            self._guessers.popitem(last=False)

    def _guesser(self, address: str) -> _Guesser | None:
        guesser = self._guessers.get(_network(address))
        if guesser is not None and self._clock.now() - guesser.failed_at > FORGOTTEN_SECONDS:
            del self._guessers[_network(address)]
            return None
        return guesser

    def _digest(self, given: str) -> bytes:
        return hashlib.blake2b(given.encode("utf-8", "surrogatepass"), key=self._salt, digest_size=16).digest()


def _network(address: str) -> str:
    """What counts as one and the same asker."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
