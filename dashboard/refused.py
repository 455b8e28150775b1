"""What a request gets that may not pass: a page in words, and problem details (RFC 9457) below the programs' path."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus

from flask import Response

PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Refused:
    """Why, and what to do now. `headers` belong to the status."""

    status: int
    what: str
    rule: str
    next_step: str
    headers: tuple[tuple[str, str], ...] = field(default=())

    def answer(self, *, for_program: bool) -> Response:
        """The refusal as a page, or for a program."""
        response = self._problem() if for_program else self._page()
        response.headers.extend(self.headers)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _problem(self) -> Response:
        # By hand: what makes the other problems needs pydantic, and the page must not wait for that.
        content = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.what,
            "rule": self.rule,
            "next_step": self.next_step,
        }
        return Response(json.dumps(content), status=self.status, mimetype=PROBLEM)

    def _page(self) -> Response:
        title = self.what[:1].upper() + self.what[1:]
        return Response(
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
            f"<title>genrescope: {escape(title)}</title>"
            "<style>body{font:1.25rem/1.5 system-ui,sans-serif;background:#0c0e14;color:#f2f3f7;max-width:34rem;"
            "margin:20vh auto;padding:0 1.5rem}</style>"
            f"<h1>{escape(title)}</h1><p>{escape(self.next_step)}.</p></html>",
            status=self.status,
            mimetype="text/html",
        )


UNKNOWN_NAME = Refused(
    403,
    "this address is not known here",
    "without a password, only this machine's own names are answered",
    "Open the page as http://localhost or http://127.0.0.1",
)
STRANGER = Refused(
    403,
    "another site tried to command genrescope",
    "a browser may ask for its own page only, and for sites named with --allow-origin",
    "Use genrescope's own page; commands are taken from there only",
)
_BEARER = 'Bearer realm="genrescope"'
NO_TOKEN = Refused(
    401,
    "a password is needed",
    "it comes as Authorization: Bearer, or in the address that is opened first",
    "Open the whole address that genrescope printed when it was started, with ?token= and what follows",
    headers=(("WWW-Authenticate", _BEARER),),
)
WRONG_TOKEN = Refused(
    401,
    "the password is wrong",
    "it is made anew at every start, unless --token-file names one",
    "Open the whole address that genrescope printed when it was started, with ?token= and what follows",
    headers=(("WWW-Authenticate", f'{_BEARER}, error="invalid_token"'),),
)


def too_many_attempts(wait_seconds: float) -> Refused:
    """The refusal to look at a password before so many seconds have passed."""
    seconds = math.ceil(wait_seconds)
    return Refused(
        429,
        "too many wrong passwords came from this address",
        "after some wrong ones each further one takes longer",
        f"Wait {seconds} s and try again",
        headers=(("Retry-After", str(seconds)),),
    )
