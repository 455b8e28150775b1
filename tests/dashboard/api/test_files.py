"""Files that programs send, for their sessions to listen to."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from dashboard.access import Access
from dashboard.api.application import create_api
from dashboard.api.files import File
from dashboard.studio import PROGRAMS, Studio
from dashboard.upload_refusals import UploadLimits
from tests.dashboard.api.small_studio import small_studio
from tests.dashboard.test_uploads import WAV, sound


@pytest.fixture
def studio() -> Iterator[Studio]:
    found = small_studio()
    found.uploads.limits = UploadLimits(max_bytes=1_000_000, max_files=3, min_free_bytes=0)
    yield found
    found.stop()


class Client:
    def __init__(self, studio: Studio) -> None:
        self._client = create_api(studio, Access()).test_client()

    def send(self, data: bytes = WAV, query: str = "?name=song.wav", kind: str = "application/octet-stream") -> Any:
        return self._client.post(f"/api/v1/files{query}", data=data, content_type=kind)

    def form(self, **fields: Any) -> Any:
        return self._client.post("/api/v1/files", data=fields, content_type="multipart/form-data")

    def files(self) -> list[dict[str, Any]]:
        return list(self._client.get("/api/v1/files").json["files"])

    def delete(self, identifier: str) -> Any:
        return self._client.delete(f"/api/v1/files/{identifier}")


@pytest.fixture
def client(studio: Studio) -> Client:
    return Client(studio)


def test_a_file_is_taken_in_listed_and_removed(client: Client, studio: Studio) -> None:
    response = client.send(sound(2.0), "?name=F%C3%BCr%20Elise.wav")
    assert response.status_code == 201
    file = File.model_validate_json(response.data)
    assert file.title == "Für Elise.wav" and file.seconds == 2.0
    assert response.headers["Location"] == f"/api/v1/files/{file.id}"
    assert client.files() == [response.json]
    (kept,) = studio.uploads.of(PROGRAMS)
    assert kept.path.read_bytes() == sound(2.0)
    assert client.delete(file.id).status_code == 204
    assert client.files() == [] and not kept.path.exists()
    gone = client.delete(file.id)
    assert gone.status_code == 404 and gone.json["detail"] == "there is no such file"


def test_a_form_is_taken_in_under_the_name_in_it_or_another(client: Client, studio: Studio) -> None:
    assert client.form(file=(io.BytesIO(WAV), "a/b/song.wav")).json["title"] == "song.wav"
    response = client._client.post(
        "/api/v1/files?name=other.wav", data={"file": (io.BytesIO(WAV), "song.wav")}, content_type="multipart/form-data"
    )
    assert response.json["title"] == "other.wav"
    assert [kept.path.read_bytes() for kept in studio.uploads.of(PROGRAMS)] == [WAV, WAV]


def test_files_of_pages_are_not_seen(client: Client, studio: Studio) -> None:
    page = studio.uploads.receive(io.BytesIO(WAV), filename="a.wav", length=len(WAV), owner="page")
    assert client.files() == []
    assert client.delete(page.identifier).status_code == 404
    assert page.path.exists()


@pytest.mark.parametrize("identifier", ["x", "..", "upload:x", "%2e%2e%2fx", "\u202e", "x" * 5000])
def test_files_that_do_not_exist_cannot_be_removed(client: Client, identifier: str) -> None:
    response = client.delete(identifier)
    assert response.status_code in (404, 405) and response.mimetype == "application/problem+json"


def test_the_one_not_wanted_for_longest_makes_room_but_not_one_that_is_listened_to(
    client: Client, studio: Studio
) -> None:
    first, second, *_ = (client.send(query=f"?name={number}.wav").json["id"] for number in range(3))
    stage = studio.open_stage(kept=True)
    studio.listen_to(f"upload:{first}", stage)
    fourth = client.send().json["id"]
    kept = [file["id"] for file in client.files()]
    assert first in kept and fourth in kept and second not in kept and len(kept) == 3
    refused = client.delete(first)
    assert refused.status_code == 409 and "a session is listening" in refused.json["detail"]
    studio.close_stage(stage.identifier)
    assert client.delete(first).status_code == 204


def test_when_all_are_listened_to_no_more_are_taken(client: Client, studio: Studio) -> None:
    for number in range(3):
        stage = studio.open_stage(kept=True)
        studio.listen_to(f"upload:{client.send(query=f'?name={number}.wav').json['id']}", stage)
    refused = client.send()
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    assert "3 uploaded files" in refused.json["detail"]


@pytest.mark.parametrize(
    ("data", "kind", "status", "words"),
    [
        (b"Dear diary" * 100, "audio/wav", 415, "song.wav is not a sound file"),
        (WAV, "text/plain", 415, "a body of the type text/plain is not taken here"),
        (WAV, "application/json", 415, "a body of the type application/json is not taken here"),
        (WAV, "multipart/form-data", 400, "that is no form with a file"),
        (WAV, "multipart/form-data; boundary=" + "b" * 71, 400, "that is no form with a file"),
        (bytes(1_000_001), "audio/wav", 413, "song.wav is too large (1 MB)"),
        (bytes(1_100_001), "multipart/form-data; boundary=b", 413, "song.wav is too large"),
    ],
)
def test_what_is_not_taken_in_is_refused_in_words(
    client: Client, data: bytes, kind: str, status: int, words: str
) -> None:
    response = client.send(data, kind=kind)
    assert response.status_code == status and response.mimetype == "application/problem+json"
    assert words in response.json["detail"] and response.json["next_step"]
    assert client.files() == []


def test_a_disk_without_room_is_said(client: Client, studio: Studio) -> None:
    studio.uploads.limits = replace(studio.uploads.limits, min_free_bytes=10**18)
    response = client.send()
    assert response.status_code == 507 and "there is no room" in response.json["detail"]


@pytest.mark.parametrize("query", ["?name=" + "x" * 1001, "?title=song.wav"])
def test_a_name_that_is_no_name_is_refused(client: Client, query: str) -> None:
    assert client.send(query=query).status_code == 422
