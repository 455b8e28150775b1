"""Event listeners and polling pages by the hundred, in a process of their own: `python -m dashboard.crowd URL ...`.

Prints one line of JSON: when each listener got which result (by the monotonic clock that all processes of a machine
share), and how many polls the pages made.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode, urlsplit

CURSOR = ("instance", "session", "generation", "since", "column")


class _Crowd:
    """All listeners and pages of one server.

    arrivals : of each listener, the numbers of results with the time at which each came.
    """

    def __init__(self, host: str, port: int, seconds: float) -> None:
        self._host, self._port = host, port
        self._end = time.monotonic() + seconds
        self.arrivals: list[dict[int, float]] = []
        self.polls = 0

    async def listen(self, path: str) -> None:
        """Listen to a stream of events."""
        arrived: dict[int, float] = {}
        self.arrivals.append(arrived)
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n\r\n".encode())
        try:
            async with asyncio.timeout_at(self._end - time.monotonic() + asyncio.get_running_loop().time()):
                async for number in _result_numbers(reader):
                    arrived[number] = time.monotonic()
        except TimeoutError:
            pass
        finally:
            writer.close()

    async def look(self, delay: float) -> None:
        """Poll as a page does: just after the next prediction is due, and four times a second at least."""
        await asyncio.sleep(delay)
        reader, writer = await asyncio.open_connection(self._host, self._port)
        query: dict[str, Any] = {}
        while time.monotonic() < self._end:
            address = f"/live?{urlencode(query)}"
            writer.write(f"GET {address} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n\r\n".encode())
            answer = json.loads(await _body(reader))
            self.polls += 1
            query = {name: answer[name] for name in CURSOR if name in answer} | {
                "heard": answer["stage"],
                "segments": answer.get("segments_version", -1),
            }
            await asyncio.sleep(answer["next_ms"] / 1000.0)
        writer.close()


async def _result_numbers(reader: asyncio.StreamReader) -> AsyncIterator[int]:
    """The numbers of results, as their events come; what frames the chunks of the answer looks like no field."""
    fields: dict[str, str] = {}
    while line := await reader.readline():
        name, _, value = line.decode().strip().partition(": ")
        if name in ("id", "event"):
            fields[name] = value
        elif name == "data":
            if fields.get("event") == "result":
                yield int(fields["id"].rpartition("-")[2])
            fields.clear()


async def _body(reader: asyncio.StreamReader) -> bytes:
    length = 0
    while (line := await reader.readline()) != b"\r\n":
        if not line:
            raise ConnectionError("the server has hung up")
        name, _, value = line.decode().partition(":")
        if name.lower() == "content-length":
            length = int(value)
    return await reader.readexactly(length)


async def _run(url: str, events: str, listeners: int, pages: int, seconds: float) -> _Crowd:
    address = urlsplit(url)
    crowd = _Crowd(address.hostname or "127.0.0.1", address.port or 80, seconds)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(listeners):
            tasks.create_task(crowd.listen(events))
        for number in range(pages):
            tasks.create_task(crowd.look(number / pages))
    return crowd


def main() -> None:
    url, events, listeners, pages, seconds = sys.argv[1:]
    crowd = asyncio.run(_run(url, events, int(listeners), int(pages), float(seconds)))
    print(json.dumps({"arrivals": crowd.arrivals, "polls": crowd.polls}))


if __name__ == "__main__":
    main()
