"""A real radio station on this machine: Icecast, and ffmpeg that sends it sound."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from pathlib import Path

import pytest

PASSWORD = "hackme"
BURST_BYTES = 16384
_TYPES = {".mp3": ("mp3", "audio/mpeg"), ".ogg": ("ogg", "audio/ogg"), ".opus": ("ogg", "audio/ogg")}


def require_icecast() -> None:
    """Skip with the reason, except where tests must not be skipped: there it is a failure."""
    missing = [program for program in ("icecast2", "ffmpeg") if shutil.which(program) is None]
    if missing:
        reason = f"a radio station needs {' and '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


class Icecast:
    """The server. It can be stopped and started again on the same port. `close` ends it and all who send to it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="icecast-"))
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self._configuration = self._folder / "icecast.xml"
        self._configuration.write_text(self._xml())
        self._server: subprocess.Popen[bytes] | None = None
        self._senders: list[Sender] = []

    def url(self, mount: str) -> str:
        return f"http://127.0.0.1:{self.port}/{mount}"

    def start(self) -> None:
        command = ["icecast2", "-c", str(self._configuration)]
        self._server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10.0
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1.0).close()
                return
            except OSError:
                if self._server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Icecast does not start: {self._server.poll()}") from None
                time.sleep(0.02)

    def stop(self) -> None:
        """As if the machine had lost power."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def send(self, file: Path, mount: str, *, name: str) -> Sender:
        """Send this file to it, again and again, at the speed of life. Returns once it can be heard."""
        sender = Sender(file, self.port, mount, name)
        self._senders.append(sender)
        self._until_heard(mount, sender)
        return sender

    def announce(self, mount: str, title: str) -> None:
        """Say what plays now, as the program of a station does."""
        query = urllib.parse.urlencode({"mount": f"/{mount}", "mode": "updinfo", "charset": "UTF-8", "song": title})
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/admin/metadata?{query}")
        request.add_header("Authorization", "Basic " + b64encode(f"source:{PASSWORD}".encode()).decode())
        urllib.request.urlopen(request, timeout=5.0).close()

    def close(self) -> None:
        for sender in self._senders:
            sender.stop()
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _until_heard(self, mount: str, sender: Sender) -> None:
        deadline = time.monotonic() + 10.0
        while True:
            try:
                with urllib.request.urlopen(self.url(mount), timeout=5.0) as answer:
                    answer.read(1)
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"nothing can be sent to Icecast: {sender.complaint()}") from None
                time.sleep(0.05)

    def _xml(self) -> str:
        # It does not run as root; as somebody else it cannot and need not change who it is.
        owner = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>" if os.geteuid() == 0 else ""
        return f"""<icecast>
  <location>here</location><admin>nobody@localhost</admin><hostname>localhost</hostname>
  <limits>
    <clients>20</clients><sources>5</sources><queue-size>262144</queue-size><source-timeout>5</source-timeout>
    <burst-on-connect>1</burst-on-connect><burst-size>{BURST_BYTES}</burst-size>
  </limits>
  <authentication>
    <source-password>{PASSWORD}</source-password><relay-password>{PASSWORD}</relay-password>
    <admin-user>admin</admin-user><admin-password>{PASSWORD}</admin-password>
  </authentication>
  <listen-socket><port>{self.port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
  <fileserve>0</fileserve>
  <paths>
    <basedir>{self._folder}</basedir><logdir>{self._folder}</logdir>
    <webroot>/usr/share/icecast2/web</webroot><adminroot>/usr/share/icecast2/admin</adminroot>
  </paths>
  <logging><errorlog>-</errorlog><accesslog>-</accesslog><loglevel>1</loglevel></logging>
  <security><chroot>0</chroot>{owner}</security>
</icecast>
"""


class Sender:
    """ffmpeg as the program of a station."""

    def __init__(self, file: Path, port: int, mount: str, name: str) -> None:
        kind, content_type = _TYPES[file.suffix]
        command = ["ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", str(file), "-map", "0:a"]
        command += ["-c", "copy", "-content_type", content_type, "-ice_name", name, "-f", kind]
        command += ["-page_duration", "100000"] if kind == "ogg" else []  # pages of 0.1 s, so that tests wait less
        command.append(f"icecast://source:{PASSWORD}@127.0.0.1:{port}/{mount}")
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def complaint(self) -> str:
        self._process.kill()
        return self._process.communicate()[1].decode(errors="replace")
