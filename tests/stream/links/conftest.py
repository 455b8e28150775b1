"""A little internet: names, certificates, and servers that stand at public addresses."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stream.links.policy import LinkPolicy
from stream.links.web import Web
from tests.stream.links.servers import LocalServer, resolver

PUBLIC_ADDRESS = "93.184.216.34"
NAMES = ("radio.test", "public.test", "*.youtube.com", "*.googlevideo.com", "*.bandcamp.com", "*.bcbits.com")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for those names, and its key, made by openssl."""
    if shutil.which("openssl") is None:
        reason = "openssl is not installed: no certificate can be made"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("tls")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", "key.pem", "-out", "cert.pem", "-days", "2", "-subj", "/CN=radio.test"]
    command += ["-addext", "subjectAltName=" + ",".join(f"DNS:{name}" for name in NAMES)]
    subprocess.run(command, check=True, cwd=folder, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture(scope="session")
def server_tls(certificate: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    return context


@dataclass
class Internet:
    """All names lead to one public address, at which ports 80 and 443 are servers of this machine."""

    plain: LocalServer
    encrypted: LocalServer
    tls: ssl.SSLContext
    names: dict[str, str] = field(default_factory=dict)
    """Those that lead elsewhere."""
    dialled: list[tuple[str, int]] = field(default_factory=list)

    def web(self, policy: LinkPolicy | None = None) -> Web:
        return Web(policy or LinkPolicy(), resolve=self._resolve, tls=self.tls, dial=self._dial)

    def _resolve(self, host: str, port: int, **kind: object) -> list:
        return resolver({host: self.names.get(host, PUBLIC_ADDRESS)})(host, port)

    def _dial(self, sock: socket.socket, where: tuple[str, int]) -> None:
        self.dialled.append(where)
        assert where[0] == PUBLIC_ADDRESS, f"{where[0]} was connected to"
        sock.connect(("127.0.0.1", {80: self.plain, 443: self.encrypted}[where[1]].port))


@pytest.fixture
def internet(certificate: tuple[Path, Path], server_tls: ssl.SSLContext) -> Iterator[Internet]:
    with LocalServer() as plain, LocalServer(tls=server_tls) as encrypted:
        yield Internet(plain, encrypted, ssl.create_default_context(cafile=str(certificate[0])))
