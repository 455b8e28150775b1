"""Whatever goes wrong is answered with problem details: what, which rule, what next; never with a traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException, TooManyRequests

from dashboard.access import Access
from dashboard.api.mount import ApiMount
from dashboard.api.problems import MEDIA_TYPE, invalid, problem_of
from dashboard.upload_refusals import UploadError
from model.errors import AudioFileError, BundleError, DeviceError, LinkError, ServerError, SettingError
from tests.dashboard.api.conftest import Programs, problem


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (SettingError("no"), 422),
        (AudioFileError("no"), 422),
        (BundleError("no"), 422),
        (DeviceError("no"), 409),
        (ServerError("no"), 503),
        (LinkError("no", status=502), 502),
        (UploadError("no", rule="", next_step="", status=413), 413),
    ],
)
def test_every_error_for_people_has_its_status(error: Any, status: int) -> None:
    assert problem_of(error).status == status


def test_a_problem_says_what_was_wrong_which_rule_and_what_next() -> None:
    found = problem_of(SettingError("seven models", rule="there is room for two", next_step="Leave out five"))
    assert (found.detail, found.rule, found.next_step) == ("seven models", "there is room for two", "Leave out five")
    assert found.title == "Unprocessable Entity" or found.title == "Unprocessable Content"


def test_what_is_not_there_is_not_found(programs: Programs) -> None:
    for path in ("/nothing", "/sessions/nobody", "/sessions/main/nothing", "/models/", "/docs/secret.py", "//models"):
        problem(programs.get(path), 404)


def test_a_wrong_method_is_told_which_are_right(programs: Programs) -> None:
    for method in ("PUT", "DELETE", "PATCH", "TRACE"):
        response = programs.ask(method, "/models")
        problem(response, 405)
        assert {name.strip() for name in response.headers["Allow"].split(",")} == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"{}"', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 30_000, "application/json", 400),
        (b"kind=sample", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"", "application/json", 422),
        (b'{"source": {"kind": "sample", "name": NaN}}', "application/json", 422),
        (b'{"source": {"kind": "sample", "name": "\\ud800"}}', "application/json", 422),
        (b'{"source": {"kind": "audio"}, "settings": {"hop_seconds": 1e400}}', "application/json", 422),
        (b'{"source": {"kind": "audio"}, "settings": {"hop_seconds": ' + b"9" * 4000 + b"}}", "application/json", 422),
        (b'{"padding": "' + b"x" * 70_000 + b'"}', "application/json", 413),
    ],
)
def test_a_body_that_is_no_order_is_refused(programs: Programs, body: bytes, kind: str, status: int) -> None:
    problem(programs.post("/sessions", data=body, content_type=kind or None), status)
    assert len(programs.studio.kept_stages()) == 1


def test_a_body_without_end_is_refused(programs: Programs) -> None:
    response = programs.post(
        "/sessions", data=b"{}", content_type="application/json", headers={"Transfer-Encoding": "chunked"}
    )
    problem(response, 413)


def test_mistakes_are_listed_with_their_places(programs: Programs) -> None:
    order = {"source": {"kind": "sample"}, "settings": {"hop_seconds": "1"}, "colour": "red"}
    found = problem(programs.post("/sessions", json=order), 422)
    places = {mistake["place"] for mistake in found["mistakes"]}
    assert places == {"source.sample.name", "settings.hop_seconds", "colour"}
    assert found["next_step"].endswith("/api/v1/docs")


def test_so_many_mistakes_are_not_all_listed() -> None:
    class Row(BaseModel):
        values: list[int]

    with pytest.raises(ValidationError) as caught:
        Row.model_validate({"values": ["x"] * 500})
    found = json.loads(invalid(caught.value).data)
    assert len(found["mistakes"]) == 20
    assert "499 more" in found["detail"]


def test_an_unexpected_error_is_logged_and_told_without_its_words(
    programs: Programs, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("the secret recipe")

    monkeypatch.setattr(programs.studio, "kept_stages", fail)
    programs.application.testing = False
    response = programs.get("/sessions")
    found = problem(response, 500)
    assert "secret" not in json.dumps(found) and "Traceback" not in json.dumps(found)
    assert "the secret recipe" in caplog.text


def test_what_http_says_besides_is_passed_on(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> HTTPException:
        raise TooManyRequests("slowly", retry_after=7)

    monkeypatch.setattr(programs.studio, "kept_stages", fail)
    response = programs.get("/sessions")
    assert problem(response, 429)["detail"] == "slowly"
    assert response.headers["Retry-After"] == "7"


def test_without_the_password_there_is_a_problem_too(make_programs: Callable[..., Programs]) -> None:
    programs = make_programs(Access("correct-horse-battery"))
    response = programs.get("/models")
    assert response.status_code == 401 and response.content_type == MEDIA_TYPE
    assert "Bearer" in response.headers["WWW-Authenticate"]
    bearer = {"Authorization": "Bearer correct-horse-battery"}
    assert programs.get("/models", headers=bearer).status_code == 200
    assert programs.get("/models?token=correct-horse-battery").status_code == 200


def test_other_sites_may_not_command(programs: Programs) -> None:
    response = programs.post("/sessions/main/pause", headers={"Origin": "http://evil.example"})
    assert response.status_code == 403 and response.content_type == MEDIA_TYPE


def test_every_answer_is_confined_and_kept_by_nobody(programs: Programs) -> None:
    for path in ("/models", "/sessions", "/nothing", "/docs", "/metrics"):
        headers = programs.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        if path != "/docs":
            assert headers["Cache-Control"] == "no-store"


def test_a_mount_that_could_not_be_built_is_built_with_the_next_request() -> None:
    attempts: list[int] = []

    def build() -> Any:
        attempts.append(1)
        if len(attempts) == 1:
            raise ImportError("half installed")
        return lambda _environ, _start: [b"api"]

    mount = ApiMount(lambda _environ, _start: [b"page"], build)
    assert mount({"PATH_INFO": "/live"}, None) == [b"page"]  # type: ignore[arg-type]
    assert mount({"PATH_INFO": "/api/v10/models"}, None) == [b"page"]  # type: ignore[arg-type]
    assert attempts == []
    with pytest.raises(ImportError):
        mount({"PATH_INFO": "/api/v1/models"}, None)  # type: ignore[arg-type]
    assert mount({"PATH_INFO": "/api/v1/models"}, None) == [b"api"]  # type: ignore[arg-type]
    assert mount({"PATH_INFO": "/api/v1"}, None) == [b"api"]  # type: ignore[arg-type]
    assert len(attempts) == 2
