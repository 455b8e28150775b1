"""What a program is told on the socket that it sends sound on: results, states, and which model listens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.api.schemas import Result
from dashboard.sound_socket import SoundSocket
from stream.records import SessionState
from stream.session import Session

if TYPE_CHECKING:
    from dashboard.stage import Stage
    from stream.results import Results

LOOK_SECONDS = 0.25
"""How often it is looked whether the state has changed."""


class Reports:
    """Sends what is new about a stage's first session. Results are those made after the connection began."""

    def __init__(self, socket: SoundSocket, stage: Stage) -> None:
        self._socket = socket
        self._stage = stage
        self._results: Results | None = None
        self._next = 0
        self._said: dict[str, Any] = {}
        self._looked_at = 0.0
        self.is_loading = False
        """The network is still being loaded; results may take a while."""

    def greet(self, identifier: str) -> None:
        """Say that sound may come."""
        session = self._stage.session
        if session is None:
            return
        self._results, self._next = session.results, session.results.next_prediction
        self._socket.send({"type": "ready", "session": identifier, **_model(session)})
        self._tell_state(session)

    def send_news(self, *, at_last: bool = False) -> bool:
        """Send what has not been sent. Returns whether there was a result.

        at_last : look at the state too, however shortly ago it was looked at.
        """
        session = self._stage.session
        if session is None:
            return False
        sent = self._send_results(self._results)
        if session.results is not self._results:
            self._results, self._next = session.results, 0
            self._socket.send({"type": "model", **_model(session)})
            sent = self._send_results(self._results) or sent
        if at_last or self._socket.now() - self._looked_at >= LOOK_SECONDS:
            self._tell_state(session)
        return sent

    def _send_results(self, results: Results | None) -> bool:
        if results is None:
            return False
        fresh = results.predictions_since(self._next)
        for prediction in fresh:
            self._socket.send({"type": "result", **Result.of(prediction, results.labels).model_dump()})
            self._next = prediction.number + 1
        return bool(fresh)

    def _tell_state(self, session: Session) -> None:
        self._looked_at = self._socket.now()
        status = session.status()
        self.is_loading = status.state is SessionState.LOADING or not session.classifier.loaded
        said = {
            "state": status.state.value,
            "detail": status.detail,
            "lost_seconds": round(status.inlet.lost_seconds + status.overrun_seconds, 2),
            "skipped_windows": status.skipped_windows,
        }
        if said != self._said:
            self._said = said
            self._socket.send({"type": "state", **said})


def _model(session: Session) -> dict[str, Any]:
    classifier = session.classifier
    return {
        "model": classifier.name,
        "labels": list(session.results.labels),
        "window_seconds": classifier.window_seconds,
    }
