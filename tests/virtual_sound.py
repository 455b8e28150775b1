"""A real sound system without hardware: PulseAudio with a null sink, and ALSA told to use it.

What is played to `speaker` is heard on `mic`, at the right speed. PortAudio sees both as the devices "pulse" and
"default".
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

_ASOUNDRC = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"


def missing_programs() -> str:
    """Why there can be no virtual sound card on this machine; "" if there can."""
    missing = [program for program in ("pulseaudio", "paplay", "pactl") if shutil.which(program) is None]
    if not any(Path("/usr/lib").rglob("libasound_module_pcm_pulse.so")):
        missing.append("ALSA's pulse plug-in (libasound2-plugins)")
    return f"a virtual sound card needs {', '.join(missing)}" if missing else ""


def require_programs() -> None:
    """Skip with the reason, except where tests must not be skipped: there it is a failure."""
    if reason := missing_programs():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


class VirtualSound:
    """A PulseAudio server of its own, in a folder of its own. `environment` is what programs need to find it."""

    def __init__(self) -> None:
        # Unix sockets allow 107 characters: pytest's own temporary folders are too deep.
        self.folder = Path(tempfile.mkdtemp(prefix="sound-"))
        (self.folder / "run").mkdir(mode=0o700)
        (self.folder / ".asoundrc").write_text(_ASOUNDRC)
        self.environment = {
            **os.environ,
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder / "run"),
            "PULSE_RUNTIME_PATH": str(self.folder / "run"),
        }
        for name in ("PULSE_SERVER", "XDG_CONFIG_HOME", "DBUS_SESSION_BUS_ADDRESS"):
            self.environment.pop(name, None)
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--log-level=error"]
        command += ["--load=module-native-protocol-unix", "--load=module-null-sink sink_name=speaker"]
        command += ["--load=module-remap-source master=speaker.monitor source_name=mic"]
        self._server = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20.0
        while subprocess.run(["pactl", "info"], env=self.environment, capture_output=True).returncode:
            assert time.monotonic() < deadline, "PulseAudio did not start"
            time.sleep(0.1)
        for command in (["set-default-sink", "speaker"], ["set-default-source", "mic"]):
            subprocess.run(["pactl", *command], env=self.environment, check=True, capture_output=True)

    def kill(self) -> None:
        """As if the sound server had crashed."""
        if self._server is not None:
            self._server.send_signal(signal.SIGKILL)
            self._server.wait()
            self._server = None
        for leftover in (self.folder / "run").glob("*"):
            leftover.unlink(missing_ok=True)

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Play a sound file to the speaker, in the background."""
        return subprocess.Popen(
            ["paplay", "--device=speaker", str(path)],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
