"""The password in a file, for who starts genrescope as a service."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from model.errors import SettingError

SHORTEST, LONGEST = 16, 256
FORM = f"a password has {SHORTEST} to {LONGEST} letters, digits and signs of ASCII, without spaces, in a single line"


def read_token(path: Path) -> str:
    """The password in a file; one line break at its end does not belong to it.

    Raises SettingError when the file cannot be read, can be read by everybody on this machine, or does not hold one
    line of 16 to 256 printable characters without spaces.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(LONGEST + 3)
    except (OSError, ValueError) as error:  # ValueError: a name no file can have
        raise SettingError(
            f"the password file {path} cannot be read ({getattr(error, 'strerror', None) or error})",
            rule="--token-file names a file that this user may read",
            next_step="Check its name and who it belongs to",
        ) from error
    # On Windows the mode says nothing. A group may read it: that is how Kubernetes hands such files to a service.
    if os.name == "posix" and stat.S_ISREG(mode) and mode & stat.S_IROTH:
        raise SettingError(
            f"the password file {path} can be read by everybody on this machine",
            rule="a password is for its owner",
            next_step=f"Protect it: chmod 600 {path}",
        )
    return checked_token(content, str(path))


def checked_token(content: bytes, where: str) -> str:
    """The content of a password file, checked. Raises SettingError; the content is never quoted."""
    line = content.removesuffix(b"\n").removesuffix(b"\r")
    # Signs beyond ASCII would come out differently in an address, a header and a file.
    if not SHORTEST <= len(line) <= LONGEST or not all(0x21 <= byte <= 0x7E for byte in line):
        raise SettingError(
            f"what {where} holds is no password",
            rule=FORM,
            next_step="Make one: python3 -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    return line.decode("ascii")
