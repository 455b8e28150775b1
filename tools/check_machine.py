"""Says in one line each what is missing on this machine, what that means, and the command that installs it.

Everything works without: genrescope plays wav, flac, mp3, ogg and opus, sounds in the browser, and runs on the CPU.
"""

from __future__ import annotations

import ctypes.util
import platform
import shutil
import subprocess
import sys

INSTALLERS = {
    "apt-get": "apt install {}",
    "dnf": "dnf install {}",
    "pacman": "pacman -S {}",
    "zypper": "zypper install {}",
    "brew": "brew install {}",
}
PACKAGES = {
    "portaudio": {"apt-get": "libportaudio2", "dnf": "portaudio", "pacman": "portaudio", "zypper": "libportaudio2"},
    "ffmpeg": {},
}


def install_command(package: str) -> str:
    """The command for this system's package manager; a general one where there is none we know."""
    for manager, command in INSTALLERS.items():
        if shutil.which(manager):
            root = "" if manager == "brew" else "sudo "
            return root + command.format(PACKAGES[package].get(manager, package))
    return f"install {package} with your system's package manager"


def has_portaudio() -> bool:
    """sounddevice brings PortAudio along on macOS and Windows; on Linux it is the system's."""
    return platform.system() != "Linux" or ctypes.util.find_library("portaudio") is not None


def has_gpu() -> bool:
    return (
        shutil.which("nvidia-smi") is not None and subprocess.run(["nvidia-smi"], capture_output=True).returncode == 0
    )


def missing() -> list[str]:
    """One line for everything that is not there."""
    lines = []
    if not has_portaudio():
        lines.append(f"no PortAudio: no sound card (the browser plays the sound). {install_command('portaudio')}")
    if shutil.which("ffmpeg") is None or shutil.which("ffprobe") is None:
        lines.append(f"no ffmpeg: m4a and aac files cannot be played. {install_command('ffmpeg')}")
    if not has_gpu():
        lines.append(
            "no NVIDIA GPU: the CPU is used, which is enough for many sessions. "
            "With one: install its driver, then rm -rf .venv && make play"
        )
    return lines


if __name__ == "__main__":
    for line in missing():
        print(f"  · {line}", file=sys.stderr)
