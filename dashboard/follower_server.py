"""A web server that sends prepared answers and can do nothing else: one thread, however many are listening.

The main page's server begins a thread for every request and closes the connection after it, which the engine would
feel if fifty phones ask every second. Here connections stay open, the bytes lie ready, and there is no thread that a
slow or silent client could hold.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable

from dashboard.follower_messages import Answer, Request
from model.errors import ServerError

HEAD_BYTES = 8192
"""The longest request, with all its headers."""
CONNECTIONS = 160
"""More at once are turned away with 503; a process has 256 open files at least, and the others are for the music."""
KEPT_CONNECTIONS = 64
"""While there are more, a connection is closed after its answer, so that many phones can take turns."""
ANSWERS_PER_SECOND = 600.0
BURST = 200.0


class Pace:
    """So many turns a second and no more, whoever asks for them: a flood slows itself down and not the music."""

    def __init__(self, per_second: float = ANSWERS_PER_SECOND, burst: float = BURST) -> None:
        self._gap = 1.0 / per_second
        self._ahead = burst / per_second
        self._next = float("-inf")

    def seconds_to_wait(self, now: float) -> float:
        """Take a turn; how long to wait for it."""
        self._next = max(self._next, now - self._ahead) + self._gap
        return max(0.0, self._next - now)


Answering = Callable[[Request], tuple[Answer, str]]
"""What a request gets: the answer, and the value of a cookie to set or ""."""


class FollowerServer:
    """Takes the port when it is made, answers from `serve` on, until `stop`.

    host : an address of this machine; "0.0.0.0" for all of them, "::" for IPv6 and IPv4.
    answer : called in the server's thread for every proper request; must return at once.
    busy : sent to whoever comes when there is no room.
    faulty : sent to whoever does not speak HTTP.
    patience_seconds : for one request to arrive and its answer to be taken; then the connection is cut.

    Raises ServerError when the port is taken or the address is not this machine's. Port 0 takes any free one.
    """

    def __init__(
        self,
        host: str,
        port: int,
        answer: Answering,
        *,
        busy: Answer,
        faulty: Answer,
        patience_seconds: float = 10.0,
        connections: int = CONNECTIONS,
    ) -> None:
        self._answer = answer
        self._busy = busy.message()
        self._faulty = faulty.message()
        self._patience = patience_seconds
        self._connections = connections
        self._pace = Pace()
        self._open: set[asyncio.Task[None]] = set()
        self._listener = _listen(host, port)
        self.port: int = self._listener.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def serve(self) -> None:
        """Answer from now on; returns at once."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(self._loop,), name="follower-server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody any more and free the port. May be called twice, and before `serve`."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(timeout=5.0)
            self._loop = None
        self._listener.close()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        accepting = loop.create_task(self._accept(loop))
        try:
            loop.run_forever()
        finally:
            running = {accepting, *self._open}
            for task in running:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*running, return_exceptions=True))
            loop.close()

    async def _accept(self, loop: asyncio.AbstractEventLoop) -> None:
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError:  # the caller is gone already, or this process has no files left
                await asyncio.sleep(0.1)
                continue
            if len(self._open) >= self._connections:
                _turn_away(connection, self._busy)
            else:
                task = loop.create_task(self._converse(connection))
                self._open.add(task)
                task.add_done_callback(self._open.discard)
            await self._turn()

    async def _turn(self) -> None:
        wait = self._pace.seconds_to_wait(asyncio.get_running_loop().time())
        if wait > 0.0:  # otherwise not even a round of the loop
            await asyncio.sleep(wait)

    async def _converse(self, connection: socket.socket) -> None:
        """Answer the requests of one connection, one after another."""
        reader, writer = await asyncio.open_connection(sock=connection, limit=HEAD_BYTES)
        try:
            stay = True
            while stay:
                async with asyncio.timeout(self._patience):
                    stay = await self._exchange(reader, writer)
            writer.close()
            async with asyncio.timeout(self._patience):
                await writer.wait_closed()
        except (OSError, EOFError):  # cut off, or silent for too long (TimeoutError is an OSError)
            pass
        finally:
            writer.transport.abort()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Take one request and answer it; whether the connection stays open for another."""
        try:
            request = Request.parse(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError:
            request = None
        await self._turn()
        stay = False
        if request is None:
            writer.write(self._faulty)
        else:
            stay = request.keeps_alive and len(self._open) <= KEPT_CONNECTIONS
            answer, cookie = self._answer(request)
            writer.write(answer.message(request, stay=stay, cookie=cookie))
        await writer.drain()
        return stay


def _turn_away(connection: socket.socket, message: bytes) -> None:
    try:
        connection.setblocking(False)
        connection.send(message)
    except OSError:
        pass
    finally:
        connection.close()


def _listen(host: str, port: int) -> socket.socket:
    six = ":" in host
    try:
        listener = socket.create_server(
            (host, port),
            family=socket.AF_INET6 if six else socket.AF_INET,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
            backlog=128,
        )
    except (OSError, OverflowError) as error:
        raise ServerError(
            f"the followers' page cannot be served at {host or 'all addresses'}, port {port} "
            f"({getattr(error, 'strerror', None) or error})",
            rule="the address must be one of this machine's own, and no other program may use the port",
            next_step="Leave the address out, or take another port (0 takes any free one)",
        ) from error
    listener.setblocking(False)
    return listener
