"""The description says what is there, and what is there does as described: thousands of cases, made by schemathesis."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from dashboard.access import Access
from dashboard.api.events import CLOSING
from dashboard.app import create_app
from dashboard.links import checked_link
from dashboard.server import PageServer
from model.errors import LinkError
from stream.links.policy import LinkPolicy
from stream.links.web import Web
from tests.dashboard.api.conftest import Programs
from tests.dashboard.api.small_studio import SmallLibrary, small_studio
from tests.dashboard.conftest import until
from tests.stream.fakes import LoudnessClassifier

PROJECT = Path(__file__).resolve().parents[3]
EXAMPLES = 100
"""Made for each operation, besides those at the edges of what is described, and chains of several operations."""
SENT_SOUND = ["2xx", 400, 401, 403, 404, 408, 409, 411, 413, 415, 422, 429]
"""Whether bytes are sound no description can say."""
FEWEST_CASES = 2500


@pytest.fixture
def description(programs: Programs) -> dict[str, Any]:
    return dict(programs.get("/openapi.json").json)


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_page_starts_without_what_only_programs_need() -> None:
    # Where IPython is installed, as it is for the tests of the guide, Dash itself brings more.
    code = """
import sys
sys.modules["IPython"] = None
from dashboard.app import create_app
from dashboard.studio import Studio
from model.library import Library
from stream.settings import StreamSettings
client = create_app(Studio(Library(), StreamSettings(), model="genres", device="cpu")).server.test_client()
heavy = ("flask_openapi", "prometheus_client", "dashboard.api.application", "dashboard.api.schemas", "tensorflow",
         "scipy", "librosa", "yt_dlp", "m3u8", "urllib3")
assert client.get("/").status_code == client.get("/live").status_code == 200
print([name for name in heavy if name in sys.modules])
assert client.get("/api/v1/models").status_code == 200
print("flask_openapi" in sys.modules, "tensorflow" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True False"]


def test_two_first_requests_at_once_build_the_interface_once(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dashboard.api.application as application

    built: list[int] = []
    build = application.create_api
    monkeypatch.setattr(application, "create_api", lambda *given: (built.append(1), build(*given))[1])
    answers: list[int] = []
    asking = [threading.Thread(target=lambda: answers.append(programs.get("/models").status_code)) for _ in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert answers == [200] * 8 and built == [1]


def test_every_operation_is_described_in_full(description: dict[str, Any]) -> None:
    assert description["openapi"].startswith("3.1.")
    names = [operation["operationId"] for _, _, operation in operations(description)]
    assert len(set(names)) == len(names) >= 30
    for path, method, operation in operations(description):
        where = f"{method} {path}"
        assert path.startswith("/api/v1/"), where
        assert operation.get("summary"), where
        assert {"401", "403", "422"} <= set(operation["responses"]), where
        assert any(status.startswith("2") for status in operation["responses"]), where
        for status, response in operation["responses"].items():
            assert response["description"], f"{where} {status}"
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], f"{where} {status}"
        assert ("{" in path) <= ("404" in operation["responses"]), where
        assert ("requestBody" in operation) <= ({"413", "415"} <= set(operation["responses"])), where


def test_what_is_referred_to_is_there(description: dict[str, Any]) -> None:
    references = [part.split('"')[0] for part in json.dumps(description).split('"$ref": "')[1:]]
    assert references
    for reference in references:
        found: Any = description
        for name in reference.removeprefix("#/").split("/"):
            found = found[name]
        assert isinstance(found, dict)


def test_the_description_says_whether_a_password_is_needed(make_programs: Callable[..., Programs]) -> None:
    assert {} in make_programs().get("/openapi.json").json["security"]
    bearer = {"Authorization": "Bearer correct-horse-battery"}
    closed = make_programs(Access("correct-horse-battery")).get("/openapi.json", headers=bearer).json
    assert closed["security"] == [{"bearer": []}, {"cookie": []}]
    assert set(closed["components"]["securitySchemes"]) == {"bearer", "cookie"}


def test_the_root_leads_to_the_page_that_shows_the_description(programs: Programs) -> None:
    response = programs.get("")
    assert response.status_code == 302 and response.headers["Location"] == "/api/v1/docs"
    assert programs.get("/docs").content_type.startswith("text/html")
    for name in ("swagger-ui.css", "swagger-ui-bundle.js", "docs.js", "docs.css"):
        assert programs.get(f"/docs/{name}").status_code == 200
    for name in ("../schemas.py", "..%2Fschemas.py", "docs.html/", "swagger-ui.js"):
        assert programs.get(f"/docs/{name}").status_code == 404


def test_the_description_can_be_browsed_and_tried_out(
    programs: Programs, chromium: Any, serve: Callable[..., PageServer]
) -> None:
    server = serve(programs.studio)
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    foreign: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else 0)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda sent: None if sent.url.startswith((server.url, "data:")) else foreign.append(sent.url))
    try:
        page.goto(f"{server.url}api/v1/docs")
        block = "[id$=list_models]"
        until(lambda: page.locator(f"{block} .opblock-summary-control").count() == 1, "the operations are listed")
        assert page.locator(".opblock").count() >= 30
        page.locator(f"{block} .opblock-summary-control").click()
        page.locator(f"{block} button.execute").click()
        until(lambda: page.locator(f"{block} .live-responses-table .highlight-code").count() == 1, "an answer")
        assert "loudness" in page.locator(f"{block} .live-responses-table").inner_text()
        assert page.locator(f"{block} .live-responses-table .response-col_status").last.inner_text().startswith("200")
        assert complaints == []
        assert foreign == []
    finally:
        context.close()


# ---- schemathesis --------------------------------------------------------------------------------------------------


@pytest.fixture
def described() -> Iterator[schemathesis.BaseSchema]:
    """The description, and the whole application behind it; endless answers end at once, and no name is looked up."""
    studio = small_studio(SmallLibrary(loudness=LoudnessClassifier(), other=LoudnessClassifier()))
    studio._web = Web(LinkPolicy(), resolve=_no_names)
    application = create_app(studio).server
    closing = threading.Event()
    closing.set()

    def served(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return application(environ | {CLOSING: closing}, start_response)

    studio.start()
    studio.listen_to("sample:mix")
    yield schemathesis.openapi.from_wsgi("/api/v1/openapi.json", served, config=_config())
    studio.stop()


def _no_names(*_args: Any, **_kwargs: Any) -> Any:
    raise socket.gaierror(socket.EAI_NONAME, "no names are looked up in tests")


def _config() -> SchemathesisConfig:
    takes_sound = [
        {
            "include-path": path,
            "include-method": "POST",
            "checks": {
                "positive_data_acceptance": {"expected-statuses": SENT_SOUND},
                "negative_data_rejection": {"expected-statuses": SENT_SOUND},
            },
        }
        for path in ("/api/v1/classify", "/api/v1/files")
    ]
    # A session is there at once; what there is to explain of it, only when music has been heard.
    explained_later = {
        "include-path": "/api/v1/sessions/{id}/explanation",
        "checks": {"ensure_resource_availability": {"enabled": False}},
    }
    return SchemathesisConfig.from_dict(
        {
            "seed": 5,
            "headers": {"Host": "localhost"},
            "generation": {"deterministic": True, "max-examples": EXAMPLES, "database": "none"},
            "continue-on-failure": True,
            "operations": [*takes_sound, explained_later],
        }
    )


def _can_be_told(_context: Any, case: schemathesis.Case) -> bool:
    """Two things no schema can say are left to tests of their own: what makes an address one, and that the command
    line's session only falls silent when it is deleted."""
    if case.method == "DELETE" and case.path_parameters.get("id") == "main":
        return False
    source = case.body.get("source") if isinstance(case.body, dict) else None
    url = source.get("url") if isinstance(source, dict) and source.get("kind") == "link" else None
    try:
        return not isinstance(url, str) or bool(checked_link(url))
    except LinkError:
        return False


@pytest.mark.timeout(600)
def test_whatever_is_sent_is_answered_as_described(described: schemathesis.BaseSchema) -> None:
    """No 5xx; status, headers, kind and shape of each answer as described; what is not described is refused."""
    described.hooks.hook("filter_case")(_can_be_told)
    cases: Counter[str] = Counter()
    complaints: list[str] = []
    for event in from_schema(described).execute():
        if isinstance(event, events.ScenarioFinished):
            cases[event.label or "chains"] += len(event.recorder.cases)
            complaints += _complaints(event)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            complaints.append(str(event))
    assert not complaints, "\n\n".join(complaints[:20])
    assert sum(cases.values()) >= FEWEST_CASES, cases
    untried = {operation.ok().label for operation in described.get_all_operations()} - set(cases)
    assert untried == set()


def _complaints(event: Any) -> Iterator[str]:
    for case, checks in event.recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                answered = event.recorder.interactions.get(case)
                answer = answered.response if answered is not None else None
                said = "" if answer is None else f"{answer.status_code} {answer.content[:400]!r}"
                failure = check.failure_info.failure
                yield f"{event.label}: {failure.title}: {failure.message}\n{check.failure_info.code_sample}\n{said}"
