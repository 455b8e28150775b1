"""The errors people see. Each says what is wrong, which rule it breaks and what to do next.

They live in this room because every other room may import it; the command line and the page print
`str(error)` and never a traceback.
"""

from __future__ import annotations

from typing import Any


class GenrescopeError(Exception):
    """Something a person can put right.

    Parameters
    ----------
    what : what was wrong, with the offending value: "song.wav is empty".
    rule : the rule it broke: "a sound file holds at least one frame".
    next_step : what to do now: "check the file, or choose another".
    """

    exit_code = 1

    def __init__(self, what: str, *, rule: str = "", next_step: str = "") -> None:
        self.what = what
        self.rule = rule
        self.next_step = next_step
        super().__init__(self._sentence())

    def __reduce__(self) -> tuple[Any, ...]:
        # Errors come back from other processes; by itself Python would call __init__ with the whole sentence.
        return _again, (type(self), self.args, self.__dict__)

    def _sentence(self) -> str:
        text = self.what if not self.rule else f"{self.what}: {self.rule}"
        return f"{text}. {self.next_step}." if self.next_step else f"{text}."


def _again(kind: type[GenrescopeError], arguments: tuple[str, ...], values: dict[str, Any]) -> GenrescopeError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(values)
    return error


class SettingError(GenrescopeError):
    """A value given on the command line or in the page is outside its range."""

    exit_code = 2


class AudioFileError(GenrescopeError):
    """A sound file is missing, empty, damaged, or of a kind that cannot be read."""

    exit_code = 3


class DeviceError(GenrescopeError):
    """A sound device is unknown, busy or gone, or there is no sound system at all."""

    exit_code = 4


class BundleError(GenrescopeError):
    """A bundle is missing, damaged, or needs a front end or network this version does not have."""

    exit_code = 5


class DataError(GenrescopeError):
    """A data set cannot be read, or would make a training or an evaluation meaningless."""

    exit_code = 6


class ServerError(GenrescopeError):
    """The page cannot be served: the port is taken, or the address is not ours."""

    exit_code = 7


class LinkError(GenrescopeError):
    """A link cannot be listened to: refused, not found, not sound, too much, broken off.

    Parameters
    ----------
    status : the fitting one of HTTP. 422: the link itself is refused; 502: what it leads to does not work; 504: it is
        too slow; 413: too much; 429: too many at once; 501: something that is not installed is needed.
    temporary : trying again may help, as with a broken connection or a server that is busy.
    """

    exit_code = 8

    def __init__(
        self, what: str, *, rule: str = "", next_step: str = "", status: int = 422, temporary: bool = False
    ) -> None:
        super().__init__(what, rule=rule, next_step=next_step)
        self.status = status
        self.temporary = temporary
