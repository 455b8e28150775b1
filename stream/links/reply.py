"""An answer of a server, read piece by piece, with limits; and in which words it is said that there is none."""

from __future__ import annotations

import itertools
import ssl
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from model.errors import LinkError
from stream.clock import Clock
from stream.links.address import shown

if TYPE_CHECKING:
    from stream.links.connection import Guard


class Reply:
    """An answer, to be read piece by piece. A context manager that closes it."""

    def __init__(
        self,
        response: Any,
        guard: Guard,
        read_seconds: float,
        ends: float,
        hops: tuple[str, ...],
        finish: Callable[[], None],
        clock: Clock,
    ) -> None:
        self._response, self._guard, self._finish, self._clock = response, guard, finish, clock
        self._read_seconds, self._ends = read_seconds, ends
        self._reading = threading.RLock()
        self._at_end = False
        self.hops = hops
        """All addresses on the way, the last is `url`."""
        self.url = hops[-1]
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers
        """Case does not matter in their names."""
        self.length: int | None = response.length_remaining
        """Bytes of the body, as promised."""
        encodings = {
            self.headers.get("Content-Encoding", "").strip().lower() or "identity",
            self.headers.get("Transfer-Encoding", "").strip().lower().replace("chunked", "") or "identity",
        }
        if encodings != {"identity"}:
            # A few kilobytes could be made of gigabytes; and nobody asked for it.
            self.close()
            raise broken(self.url, "it sends its answer compressed, which was not asked for", temporary=False)

    @property
    def downgraded(self) -> bool:
        """The way led from an encrypted address to one that is not."""
        encrypted = [hop.startswith("https:") for hop in self.hops]
        return any(before and not after for before, after in itertools.pairwise(encrypted))

    def read(self, size: int) -> bytes:
        """What is there, up to `size` bytes; waits if there is nothing. Empty at the end.

        Raises LinkError if nothing comes for too long, or if it breaks off or is closed before its end.
        """
        with self._reading:
            if self._at_end or size <= 0:
                return b""
            if self._guard.ended:
                raise broken(self.url, "the connection was closed", status=502)
            self._guard.allow(min(self._ends, self._clock.now() + self._read_seconds))
            try:
                data = self._response.read1(size, decode_content=False)
            except Exception as error:
                self._finish()
                raise failure(self.url, error, ended=self._guard.ended) from None
            if not data:
                self._at_end = True
                self._finish()
                if self._guard.ended:
                    raise broken(self.url, "the connection was closed", status=502)
            return data or b""

    def close(self) -> None:
        """End it, and with it a read that waits in another thread, which raises LinkError. May be called twice."""
        self._guard.end()
        with self._reading:
            self._finish()

    def __enter__(self) -> Reply:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def header_text(value: str) -> str:
    """A header as its sender meant it: HTTP says Latin-1, most servers send UTF-8."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def failure(url: str, error: BaseException, *, ended: bool) -> LinkError:
    """What is said of an error of urllib3 or below. `ended`: it came because somebody closed the connection."""
    if ended:
        return broken(url, "the connection was closed", status=502)
    from urllib3.exceptions import ReadTimeoutError

    if isinstance(error, TimeoutError | ReadTimeoutError):
        return broken(url, "it takes too long to answer", status=504)
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return LinkError(
            f"{shown(url)} cannot prove who it is",
            rule=f"its certificate is refused ({cause.verify_message})",
            next_step="Check the link, and the date of this computer",
            status=502,
        )
    if isinstance(error, ConnectionRefusedError):
        return broken(url, "there is no server at that address", status=502)
    return broken(url, "the connection broke off, or what came is no HTTP", status=502)


def broken(url: str, detail: str, *, status: int = 502, temporary: bool = True) -> LinkError:
    """Something at the other side, or on the way, does not work."""
    return LinkError(
        f"{shown(url)} cannot be fetched",
        rule=detail,
        next_step="Try again, or choose another link",
        status=status,
        temporary=temporary,
    )
