"""Files that browsers send: good ones are taken in, all others are refused in words and leave nothing behind."""

from __future__ import annotations

import errno
import http.client
import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
import soundfile
from flask import Flask, Response
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.access import Access
from dashboard.foreign_files import SOUND_SUFFIXES, TITLE_LENGTH, begins_as_sound, clean_title, kept_suffix
from dashboard.multipart_file import MultipartFile
from dashboard.server import PageServer
from dashboard.upload_refusals import UploadError
from dashboard.upload_request import register_uploads
from dashboard.uploads import Upload, UploadLimits, Uploads
from model.errors import SettingError
from tests.dashboard.conftest import Viewer, until
from tests.sounds import ffmpeg, tone, write_tone

ASSETS = Path(__file__).resolve().parents[2] / "assets"
SMALL = UploadLimits(max_bytes=1_000_000, max_files=3, max_seconds=60.0, min_free_bytes=0, patience_seconds=10.0)


def sound(seconds: float = 0.5, suffix: str = "wav", rate: int = 16000) -> bytes:
    """The bytes of a sound file."""
    file = io.BytesIO()
    container, coding = ("OGG", "OPUS") if suffix == "opus" else (suffix.upper(), None)
    soundfile.write(file, tone(seconds, rate), rate, format=container, subtype=coding)
    return file.getvalue()


WAV = sound()


@pytest.fixture
def uploads(tmp_path: Path) -> Iterator[Uploads]:
    store = Uploads(tmp_path, limits=SMALL)
    yield store
    store.close()


def send(store: Uploads, data: bytes = WAV, name: str = "song.wav", owner: str = "mine", **more: Any) -> Upload:
    return store.receive(io.BytesIO(data), filename=name, length=more.pop("length", len(data)), owner=owner, **more)


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def refusal(store: Uploads, data: bytes, name: str = "song.wav", **more: Any) -> UploadError:
    with pytest.raises(UploadError) as caught:
        send(store, data, name, **more)
    return caught.value


# ---- what is taken in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "opus", "aiff", "caf", "w64"])
def test_sound_files_of_common_kinds_are_taken_in(uploads: Uploads, suffix: str) -> None:
    data = sound(2.0, suffix, 48000)
    upload = send(uploads, data, f"My song.{suffix}")
    assert upload.title == f"My song.{suffix}"
    assert upload.key.startswith("upload:") and upload.owner == "mine"
    assert upload.seconds == pytest.approx(2.0, abs=0.1)
    assert upload.path.suffix == f".{suffix}"
    assert upload.path.read_bytes() == data
    assert uploads.get(upload.key, "mine") == upload


@pytest.mark.parametrize("suffix", ["m4a", "aac", "wma", "webm", "ac3"])
def test_sound_files_that_ffmpeg_reads_are_taken_in(uploads: Uploads, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"tone.{suffix}"
    ffmpeg("-i", write_tone(tmp_path / "tone.wav", 2.0, 48000), path)
    assert send(uploads, path.read_bytes(), path.name).path.suffix == f".{suffix}"


@pytest.mark.parametrize("suffix", ["wav", "flac", "mp3", "ogg", "aiff"])
def test_sound_is_known_by_its_beginning_not_by_its_name(uploads: Uploads, suffix: str) -> None:
    assert send(uploads, sound(1.0, suffix, 44100), "song.txt").path.suffix == ""


def test_an_mp3_behind_a_tag_and_padding_is_taken_in(uploads: Uploads) -> None:
    tag = b"ID3\x04\x00\x00" + bytes([0, 0, 2, 0]) + bytes(256)
    assert send(uploads, tag + bytes(100) + sound(2.0, "mp3", 44100), "tagged.mp3").seconds


def test_a_file_of_unknown_length_is_taken_in(uploads: Uploads) -> None:
    assert send(uploads, WAV, length=None).path.read_bytes() == WAV


def test_only_the_announced_bytes_are_taken(uploads: Uploads) -> None:
    assert send(uploads, WAV + b"GET /more", length=len(WAV)).path.read_bytes() == WAV


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name", "status", "words"),
    [
        (b"Dear diary, " * 2000, "notes.txt", 415, "notes.txt is not a sound file genrescope can read"),
        (b"Dear diary, " * 2000, "notes.mp3", 415, "notes.mp3 is not a sound file"),
        (b"Dear diary, " * 2000, "notes.au", 415, "notes.au is not a sound file"),
        ("Dear diary, ".encode("utf-16") * 2000, "notes.wav", 415, "notes.wav is not a sound file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "cover.png", 415, "cover.png is not a sound file"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "cut.wav", 415, "cut.wav cannot be read as sound"),
        (b"fLaC\x00" + bytes(900), "bad.flac", 415, "bad.flac cannot be read as sound"),
        (b"\xff\xfb\x90\x64" * 5, "short.mp3", 415, "short.mp3"),
        (b"", "nothing.wav", 400, "nothing.wav is empty"),
        (b"R", "one.wav", 415, "one.wav is not a sound file"),
        (bytes(1_000_001), "huge.wav", 413, "huge.wav is too large (1 MB): an uploaded file has at most 1 MB"),
        (sound(61.0, "flac", 4000), "epic.flac", 413, "epic.flac is 0.0 hours long"),
    ],
)
def test_what_is_no_good_is_refused_in_words_and_leaves_nothing(
    uploads: Uploads, tmp_path: Path, data: bytes, name: str, status: int, words: str
) -> None:
    error = refusal(uploads, data, name)
    assert words in str(error) and error.status == status
    assert error.rule and error.next_step
    assert str(tmp_path) not in str(error)
    assert files_in(tmp_path) == [] and uploads.of("mine") == []


def test_a_wav_file_without_a_single_frame_is_refused_by_its_own_name(uploads: Uploads, tmp_path: Path) -> None:
    error = refusal(uploads, sound(0.0), "silent film.wav")
    assert "silent film.wav holds no sound" in str(error) and str(tmp_path) not in str(error)


@pytest.mark.parametrize("start", [b"", b"ID3\x04\x00\x00\x00\x00\x00\x00", b"\0\0", b"OggS\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("name", ["list.m4a", "list.mp3", "list.m3u8", "list"])
def test_a_play_list_that_would_play_other_files_of_the_machine_is_refused(
    uploads: Uploads, tmp_path: Path, start: bytes, name: str
) -> None:
    secret = write_tone(tmp_path / "secret.wav", 2.0)
    play_list = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    for text in (play_list, f"ffconcat version 1.0\nfile {secret.name}\n", '<?xml version="1.0"?><MPD></MPD>'):
        assert refusal(uploads, start + text.encode(), name).status == 415


def wav_header(rate: int, channels: int, frames: int = 8) -> bytes:
    data = bytes(2 * channels * frames)
    layout = struct.pack("<HHIIHH", 1, channels, rate, min(rate * channels * 2, 2**32 - 1), 2 * channels, 16)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + layout
        + (b"data" + struct.pack("<I", len(data)) + data)
    )


@pytest.mark.parametrize(("rate", "channels"), [(2_000_000_000, 2), (44100, 1000), (800_000, 1)])
def test_headers_that_would_fill_the_memory_are_refused(uploads: Uploads, rate: int, channels: int) -> None:
    assert "at most 64 channels and 768000 Hz" in str(refusal(uploads, wav_header(rate, channels)))


def test_a_header_that_promises_years_of_sound_is_refused(tmp_path: Path) -> None:
    store = Uploads(tmp_path, limits=UploadLimits(min_free_bytes=0))
    frames = 1_000_000  # a million frames of one second each
    assert "277.8 hours long: an uploaded file holds at most 6 hours" in str(
        refusal(store, wav_header(1, 1, frames), "years.wav")
    )
    store.close()


def test_a_stream_without_end_is_cut_off_at_the_limit(uploads: Uploads, tmp_path: Path) -> None:
    class Endless:
        given = 0

        def read(self, size: int, /) -> bytes:
            self.given += size
            return WAV[:4] * (size // 4)

    endless = Endless()
    with pytest.raises(UploadError, match=r"song\.wav is too large: an uploaded file has at most 1 MB"):
        uploads.receive(endless, filename="song.wav", length=None, owner="mine")
    assert endless.given <= SMALL.max_bytes + 256 * 1024
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("failure", "words", "status"),
    [
        (TimeoutError(), "came too slowly", 408),
        (ConnectionResetError(), "did not arrive whole: the connection was lost", 400),
        (None, "did not arrive whole: 0.0041 MB of 0.0082 MB came", 400),
    ],
)
def test_what_stops_coming_leaves_nothing(
    uploads: Uploads, tmp_path: Path, failure: Exception | None, words: str, status: int
) -> None:
    class Breaking:
        pieces = 1

        def read(self, size: int, /) -> bytes:
            self.pieces -= 1
            if self.pieces >= 0:
                return WAV[:4096]
            if failure is not None:
                raise failure
            return b""

    with pytest.raises(UploadError) as caught:
        uploads.receive(Breaking(), filename="song.wav", length=8192, owner="mine")
    assert words in str(caught.value) and caught.value.status == status
    assert files_in(tmp_path) == []


def test_a_disk_without_room_is_left_alone(tmp_path: Path) -> None:
    store = Uploads(tmp_path, limits=UploadLimits(min_free_bytes=10**18))
    error = refusal(store, WAV)
    assert error.status == 507 and "no room" in str(error)
    assert files_in(tmp_path) == []
    store.close()


def test_a_disk_that_refuses_is_quoted(uploads: Uploads, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_folder: Path) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("dashboard.uploads.shutil.disk_usage", full)
    error = refusal(uploads, WAV)
    assert error.status == 507 and "the disk says: No space left on device" in str(error)
    assert files_in(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_explained(tmp_path: Path) -> None:
    store = Uploads(tmp_path / "nowhere", limits=SMALL)
    assert refusal(store, WAV).status == 507
    store.close()


# ---- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\Windows\\win.ini", "win.ini"),
        ("C:\\Music\\song.mp3", "song.mp3"),
        ("/etc/", "etc"),
        ("con.wav", "con.wav"),
        ("so\0ng.wav", "song.wav"),
        ("a\r\nSet-Cookie: x.wav", "a Set-Cookie: x.wav"),
        ("song\u202e3pm.exe", "song3pm.exe"),
        ("  song  \t one.wav ", "song one.wav"),
        ("cafe\u0301.ogg", "café.ogg"),
        ("e\u200b\u0301.ogg", "é.ogg"),
        ("می\u200cخواهم.mp3", "می\u200cخواهم.mp3"),
        ("<img src=x>.wav", "<img src=x>.wav"),
        ("", "untitled"),
        ("\u0301\u0301", "untitled"),
        ("..", ".."),
        ("\udcff.wav", ".wav"),
    ],
)
def test_names_become_titles_fit_to_be_shown(name: str, title: str) -> None:
    assert clean_title(name) == title


def test_a_very_long_name_loses_its_middle() -> None:
    title = clean_title("very " * 5000 + "long name.flac")
    assert len(title) <= TITLE_LENGTH and title.startswith("very very") and title.endswith("name.flac")
    assert kept_suffix(title) == ".flac"


@given(st.text(st.characters(), max_size=300))
def test_no_name_is_dangerous(name: str) -> None:
    title = clean_title(name)
    assert 0 < len(title) <= TITLE_LENGTH
    assert "/" not in title and "\\" not in title
    assert all(each in "\u200c\u200d" or unicodedata.category(each)[0] != "C" for each in title)
    assert unicodedata.is_normalized("NFC", title)
    assert title == title.strip() and clean_title(title) == title
    assert kept_suffix(title) in SOUND_SUFFIXES | {""}


@pytest.mark.parametrize("name", ["../../etc/passwd", "con.wav", "a\0b.mp3", "x" * 9000 + ".wav", "‮gnos.wav", "-i.wav"])
def test_no_name_is_used_as_a_path(uploads: Uploads, tmp_path: Path, name: str) -> None:
    upload = send(uploads, WAV, name)
    assert upload.path.parent.parent == tmp_path
    assert upload.path.stem.isalnum() and len(upload.path.stem) == 24
    assert files_in(tmp_path) == [upload.path]


@given(st.binary(max_size=40))
def test_any_bytes_can_be_looked_at(tmp_path_factory: pytest.TempPathFactory, start: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes"
    path.write_bytes(start)
    assert begins_as_sound(path) in (True, False)
    path.write_bytes(b"ID3" + start)
    assert begins_as_sound(path) in (True, False)


# ---- whose, how many, how long ---------------------------------------------------------------------------------------


def test_a_stage_sees_its_own_uploads_only(uploads: Uploads) -> None:
    mine, other = send(uploads), send(uploads, owner="other")
    assert uploads.of("mine") == [mine] and uploads.of("other") == [other] and uploads.of("third") == []
    for key, owner in [(other.key, "mine"), (mine.key, "other"), ("upload:guess", "mine"), ("", "")]:
        with pytest.raises(SettingError, match="no such uploaded file"):
            uploads.get(key, owner)


def test_forgetting_a_stage_removes_its_files_and_no_others(uploads: Uploads, tmp_path: Path) -> None:
    mine, other = send(uploads), send(uploads, owner="other")
    uploads.forget("mine")
    uploads.forget("nobody")
    assert files_in(tmp_path) == [other.path] and not mine.path.exists()
    with pytest.raises(SettingError):
        uploads.get(mine.key, "mine")


def test_the_one_not_wanted_for_longest_makes_room(uploads: Uploads, tmp_path: Path) -> None:
    first, second, third = (send(uploads, name=f"{number}.wav") for number in range(3))
    uploads.get(first.key, "mine")
    fourth = send(uploads)
    assert uploads.of("mine") == [first, third, fourth]
    assert len(files_in(tmp_path)) == 3 and not second.path.exists()


def test_what_somebody_listens_to_stays(uploads: Uploads) -> None:
    first, second, third = (send(uploads, name=f"{number}.wav") for number in range(3))
    fourth = send(uploads, owner="other", in_use=lambda: {first.key, second.key})
    assert uploads.of("mine") == [first, second] and not third.path.exists()
    error = refusal(uploads, WAV, in_use=lambda: {first.key, second.key, fourth.key})
    assert error.status == 429 and "3 uploaded files" in str(error)
    assert first.path.exists() and second.path.exists() and fourth.path.exists()


def test_a_single_file_can_be_removed_by_its_owner(uploads: Uploads, tmp_path: Path) -> None:
    first, second = send(uploads), send(uploads)
    assert not uploads.remove(first.key, "other")
    assert uploads.remove(first.key, "mine") and not uploads.remove(first.key, "mine")
    assert uploads.of("mine") == [second] and files_in(tmp_path) == [second.path]


def test_whoever_works_on_files_is_told_before_they_go(uploads: Uploads) -> None:
    kept, seen = send(uploads), []
    uploads.at_close(lambda: seen.append(kept.path.exists()))
    uploads.close()
    assert seen == [True] and not kept.path.exists()
    uploads.at_close(lambda: seen.append(False))
    assert seen == [True, False]


def test_rubbish_pushes_nothing_out(uploads: Uploads) -> None:
    kept = [send(uploads) for _ in range(3)]
    refusal(uploads, b"rubbish" * 99)
    assert uploads.of("mine") == kept


def test_files_on_their_way_count_too(uploads: Uploads) -> None:
    class Waiting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            begun.release()
            assert go_on.wait(20)
            return super().read(size)

    begun, go_on, done = threading.Semaphore(0), threading.Event(), []

    def one() -> None:
        done.append(uploads.receive(Waiting(WAV), filename="slow.wav", length=len(WAV), owner="mine"))

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
        assert begun.acquire(timeout=20)
    assert refusal(uploads, WAV).status == 429
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert len(done) == 3
    assert send(uploads) in uploads.of("mine")


def test_the_folder_is_private_and_made_only_when_needed(tmp_path: Path) -> None:
    store = Uploads(tmp_path, limits=SMALL)
    assert list(tmp_path.iterdir()) == []
    folder = send(store).path.parent
    assert folder.stat().st_mode & 0o777 == 0o700 or os.name == "nt"
    store.close()
    store.close()
    assert list(tmp_path.iterdir()) == []
    assert refusal(store, WAV).status == 503
    assert store.of("mine") == [] and list(tmp_path.iterdir()) == []


def test_a_folder_that_was_tidied_away_is_made_again(uploads: Uploads) -> None:
    first = send(uploads)
    first.path.unlink()
    first.path.parent.rmdir()
    assert send(uploads).path.exists()


def test_nothing_is_left_when_python_ends(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(WAV)
    script = (
        "import sys; from pathlib import Path; from dashboard.uploads import *\n"
        "store = Uploads(Path(sys.argv[1]), limits=UploadLimits(min_free_bytes=0))\n"
        "file = open(Path(sys.argv[1]) / 'song.wav', 'rb')\n"
        "assert store.receive(file, filename='a.wav', length=None, owner='x').path.exists()\n"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=root, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


# ---- forms -----------------------------------------------------------------------------------------------------------


def form(*parts: tuple[str, bytes], boundary: bytes = b"b", end: bytes = b"--") -> bytes:
    """A form; of each part the end of its Content-Disposition and the content."""
    written = b""
    for disposition, content in parts:
        head = f"Content-Disposition: form-data; {disposition}\r\nContent-Type: audio/wav\r\n\r\n"
        written += b"--" + boundary + b"\r\n" + head.encode() + content + b"\r\n"
    return written + b"--" + boundary + end + b"\r\n"


class Dripping(io.BytesIO):
    """Comes in pieces of this size at most."""

    def __init__(self, data: bytes, size: int) -> None:
        super().__init__(data)
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, self._size))


def content_of(file: MultipartFile) -> bytes:
    pieces = []
    while piece := file.read(1000):
        assert len(piece) <= 1000
        pieces.append(piece)
    return b"".join(pieces)


@settings(deadline=None)
@given(content=st.binary(max_size=300), size=st.integers(1, 40))
def test_the_file_in_a_form_comes_out_as_it_was_however_the_form_comes(content: bytes, size: int) -> None:
    file = MultipartFile(Dripping(form(('name="file"; filename="a.wav"', content), boundary=b"beyond"), size), "beyond")
    assert file.filename == "a.wav"
    assert content_of(file) == content
    assert file.read(10) == b""


@pytest.mark.parametrize("content", [b"", b"\r\n", b"\r\n--", b"--b", b"\n--b\r", b"x\r\n--bb\r\n", b"\r\n\r\n--c--"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_content_that_looks_like_the_end_is_not_taken_for_it(content: bytes, size: int) -> None:
    data = form(('name="file"', content), boundary=b"b-b")
    assert content_of(MultipartFile(Dripping(data, size), "b-b")) == content


def test_other_fields_are_passed_over() -> None:
    data = b"Words before it.\r\n" + form(
        ('name="note"', b"for you"),
        ('name="file"; filename="a.wav"', WAV),
        ('name="more"; filename="b.txt"', b"x" * 99),
    )
    assert content_of(MultipartFile(Dripping(data, 100), "b")) == WAV


@pytest.mark.parametrize(
    ("data", "boundary", "words"),
    [
        (form(('name="other"', WAV)), "b", "there is no field 'file' in the form"),
        (form(), "b", "there is no field 'file' in the form"),
        (form(('name="file"', WAV), ('name="file"', WAV)), "b", "there are several files in the form"),
        (form(*[(f'name="{number}"', b"") for number in range(9)]), "b", "it has more than 8 parts"),
        (form(('name="file"', WAV), *[(f'name="{number}"', b"") for number in range(8)]), "b", "more than 8 parts"),
        (b"--b\r\nX: y\r\n\r\nno name\r\n--b--\r\n", "b", "it has a part without a name"),
        (b"--b\r\n\r\nno header\r\n--b--\r\n", "b", "it has a part without a name"),
        (form(('name="file"', WAV)).replace(b"--b\r\n", b"--bb\r\n"), "b", "it has a part without a name"),
        (b"--b\r\nContent-Disposition: form-data; name=\xff\r\n\r\n\r\n--b--\r\n", "b", "not written in UTF-8"),
        (b"--b\r\nContent-Disposition: " + b"x" * 20_000, "b", "what stands before a part's content is too long"),
        (b"x" * 1_000_000, "b", "it does not begin with its boundary"),
        (form(('name="file"', WAV)), "another", "it does not begin with its boundary"),
        (form(("", b"")), "another", "did not arrive whole"),
        (form(('name="file"', WAV))[:-20], "b", "did not arrive whole: it ends in the middle"),
        (form(('name="file"', WAV), end=b""), "b", "did not arrive whole"),
        (b"", "b", "did not arrive whole"),
        (WAV, "", "it names no boundary"),
        (WAV, "b" * 71, "it names no boundary"),
        (WAV, "ü", "it names no boundary"),
    ],
)
@pytest.mark.parametrize("size", [11, 10**9])
def test_what_is_no_form_with_one_file_is_refused_in_words(data: bytes, boundary: str, words: str, size: int) -> None:
    with pytest.raises(UploadError) as caught:
        content_of(MultipartFile(Dripping(data, size), boundary))
    assert words in str(caught.value) and caught.value.status == 400


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_form_or_refused(data: bytes) -> None:
    try:
        content_of(MultipartFile(io.BytesIO(b"--b\r\n" + data), "b"))
    except UploadError as error:
        assert error.status == 400


@pytest.mark.parametrize(("failure", "status"), [(TimeoutError(), 408), (ConnectionResetError(), 400)])
@pytest.mark.parametrize("sent", [0, 40, 3000])
def test_a_form_that_stops_coming_leaves_nothing(
    uploads: Uploads, tmp_path: Path, failure: Exception, status: int, sent: int
) -> None:
    class Breaking(Dripping):
        def read(self, size: int | None = -1, /) -> bytes:
            if piece := super().read(size):
                return piece
            raise failure

    body = Breaking(form(('name="file"; filename="a.wav"', WAV))[:sent], 1000)
    with pytest.raises(UploadError) as caught:
        uploads.receive(MultipartFile(body, "b"), filename="a.wav", length=None, owner="mine")
    assert caught.value.status == status and files_in(tmp_path) == []


def test_a_large_form_is_never_held_in_memory(uploads: Uploads) -> None:
    class Huge:
        """A form whose file never ends."""

        given = 0

        def read(self, size: int, /) -> bytes:
            self.given += size
            return (form(('name="file"', b""))[:-9] + WAV).ljust(size, b"\r") if self.given == size else b"\r" * size

    huge = Huge()
    with pytest.raises(UploadError, match="too large"):
        uploads.receive(MultipartFile(huge, "b"), filename="a.wav", length=None, owner="mine")
    assert huge.given <= SMALL.max_bytes + 3 * 256 * 1024


# ---- over HTTP -------------------------------------------------------------------------------------------------------


class Stages:
    """A studio that knows two stages."""

    def __init__(self) -> None:
        self.known = {name: SimpleNamespace(identifier=name, source_key="") for name in ("mine", "other")}

    def stage(self, identifier: str) -> SimpleNamespace:
        if identifier not in self.known:
            raise SettingError("the session of this page has ended", next_step="Choose again what to listen to")
        return self.known[identifier]

    def stages(self) -> list[SimpleNamespace]:
        return list(self.known.values())


PAGE = """<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="own/style.css"><link rel="stylesheet" href="own/upload.css"></head>
<body><main id="page"><h1>A page</h1><button id="upload">Listen to a file</button><input id="field" aria-label="Field">
<p id="notice-box"></p><p id="announcement" role="status"></p><div id="upload-box" hidden></div></main>
<script src="stand-ins.js"></script><script src="own/upload.js"></script></body></html>"""
STAND_INS = """
window.genrescope = {stage: "main", done: [], answer: null, limits: null};
(function (g) {
  g.own = async () => { if (g.full) throw new Error(g.full); g.done.push("own"); g.stage = "mine"; return "mine"; };
  g.command = async (name, values) => { g.done.push(name + " " + values.key); return {notice: ""}; };
  g.refreshSources = async () => { g.done.push("refresh"); };
  g.followMain = () => { g.done.push("follow"); g.stage = "main"; };
  g.setText = (id, text) => { document.getElementById(id).textContent = text; };
  g.notice = (text) => g.setText("notice-box", text);
  g.say = (text) => g.setText("announcement", text);
  g.onClick = (id, action) => document.getElementById(id).addEventListener("click", action);
})(window.genrescope);
"""


class Place:
    """A server that takes uploads, on this machine."""

    def __init__(self, folder: Path, limits: UploadLimits) -> None:
        self.folder = folder
        self.studio = Stages()
        self.uploads = Uploads(folder, limits=limits)
        self.application = Flask(__name__, static_folder=str(ASSETS), static_url_path="/own")
        self._add_page()
        register_uploads(self.application, self.studio, self.uploads)  # type: ignore[arg-type]
        Access().guard(self.application)
        self.server = PageServer("127.0.0.1", 0)
        self.server.serve(self.application)

    def close(self) -> None:
        self.server.stop()
        self.uploads.close()

    def _add_page(self) -> None:
        for address, text, kind in (("/page", PAGE, "text/html"), ("/stand-ins.js", STAND_INS, "text/javascript")):
            self.application.add_url_rule(address, address, partial(Response, text, mimetype=kind))

    def post(self, data: Any, name: str = "song.wav", stage: str = "mine") -> tuple[int, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        try:
            connection.request("POST", f"/upload?stage={stage}&name={quote(name, errors='surrogatepass')}", body=data)
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def speak(self, *, length: int | str, body: bytes = b"", hang_up: bool = False) -> tuple[int, str]:
        """Send a request by hand; the status and the body of the answer."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as connection:
            head = "POST /upload?stage=mine&name=song.wav HTTP/1.1\r\nHost: localhost\r\n"
            connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + body)
            if hang_up:
                connection.shutdown(socket.SHUT_WR)
            response = http.client.HTTPResponse(connection)
            response.begin()
            return response.status, response.read().decode()


@pytest.fixture
def open_place(tmp_path: Path) -> Iterator[Callable[..., Place]]:
    places: list[Place] = []

    def opened(limits: UploadLimits = SMALL) -> Place:
        places.append(Place(tmp_path, limits))
        return places[-1]

    yield opened
    for place in places:
        place.close()


@pytest.mark.parametrize("suffix", ["wav", "mp3", "ogg"])
def test_a_good_file_gets_a_key(open_place: Callable[..., Place], suffix: str) -> None:
    place = open_place()
    data = sound(2.0, suffix, 44100)
    status, answer = place.post(data, f"Für Elise.{suffix}")
    assert status == 200
    assert answer == {"key": answer["key"], "title": f"Für Elise.{suffix}", "notice": ""}
    assert place.uploads.get(answer["key"], "mine").path.read_bytes() == data


@pytest.mark.parametrize(
    ("data", "name", "stage", "status", "words"),
    [
        (b"Dear diary", "notes.txt", "mine", 415, "notes.txt is not a sound file genrescope can read: wav, flac"),
        (b"", "nothing.wav", "mine", 400, "nothing.wav is empty: a sound file holds sound. Choose another file."),
        (WAV, "song.wav", "unknown", 404, "the session of this page has ended. Choose again"),
        (WAV, "song.wav", "", 404, "the session of this page has ended"),
        (iter([WAV]), "song.wav", "mine", 411, "song.wav came without its length"),
    ],
)
def test_a_refusal_is_a_sentence_with_the_fitting_status(
    open_place: Callable[..., Place], data: Any, name: str, stage: str, status: int, words: str
) -> None:
    place = open_place()
    answered, answer = place.post(data, name, stage)
    assert answered == status and list(answer) == ["notice"]
    assert words in answer["notice"]
    assert files_in(place.folder) == []


def test_a_huge_body_is_refused_before_it_is_read_and_the_client_hears_of_it(open_place: Callable[..., Place]) -> None:
    place = open_place()
    # A client that waits for the answer gets it at once, without having sent a byte.
    status, text = place.speak(length=10**12)
    assert status == 413 and "song.wav is too large (1000000 MB)" in text
    # One that sends first, as browsers do, is heard out, and gets it too.
    status, said = place.post(bytes(20_000_000), "huge.wav")
    assert status == 413 and "huge.wav is too large (20 MB)" in said["notice"]
    assert files_in(place.folder) == []


def test_a_client_that_never_stops_sending_is_hung_up_on(
    open_place: Callable[..., Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.request_body.DRAINED_BYTES", 5_000_000)
    place = open_place()
    sent = 0
    with socket.create_connection(("127.0.0.1", place.server.port), timeout=20) as connection:
        connection.sendall(
            b"POST /upload?stage=mine HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n"
        )
        with pytest.raises(ConnectionError):
            while sent < 1_000_000_000:
                connection.sendall(bytes(1_000_000))
                sent += 1_000_000
    assert sent < 100_000_000


def test_a_length_that_promises_too_much_leaves_nothing(open_place: Callable[..., Place]) -> None:
    place = open_place()
    status, text = place.speak(length=500_000, body=WAV, hang_up=True)
    assert status == 400 and "song.wav did not arrive whole" in text
    assert files_in(place.folder) == []


def test_a_length_that_promises_too_little_cuts_the_file_there(open_place: Callable[..., Place]) -> None:
    place = open_place()
    assert place.speak(length=10_044, body=WAV)[0] == 200
    (kept,) = place.uploads.of("mine")
    assert kept.path.read_bytes() == WAV[:10_044]


@pytest.mark.parametrize("length", ["-5", "many", "1e3", "0"])
def test_a_length_that_is_none_is_refused(open_place: Callable[..., Place], length: str) -> None:
    place = open_place()
    assert place.speak(length=length, body=WAV, hang_up=True)[0] in (400, 411)
    assert files_in(place.folder) == []


def test_a_client_that_stands_still_is_given_up(open_place: Callable[..., Place]) -> None:
    place = open_place(UploadLimits(min_free_bytes=0, patience_seconds=0.3))
    status, text = place.speak(length=500_000, body=WAV)
    assert status == 408 and "song.wav came too slowly" in text
    assert files_in(place.folder) == []


def test_a_client_that_sends_a_byte_now_and_then_is_given_up_too(open_place: Callable[..., Place]) -> None:
    place = open_place(UploadLimits(min_free_bytes=0, patience_seconds=0.3))
    with socket.create_connection(("127.0.0.1", place.server.port), timeout=0.05) as connection:
        connection.sendall(b"POST /upload?stage=mine HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n")
        answer = b""
        while not answer:
            connection.sendall(b"R")
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                continue
    assert b" 408 " in answer
    until(lambda: files_in(place.folder) == [], "nothing is left")


def test_a_client_that_goes_away_leaves_nothing(open_place: Callable[..., Place]) -> None:
    place = open_place()
    with socket.create_connection(("127.0.0.1", place.server.port), timeout=20) as connection:
        connection.sendall(
            b"POST /upload?stage=mine HTTP/1.1\r\nHost: localhost\r\nContent-Length: 500000\r\n\r\n" + WAV
        )
        until(lambda: len(files_in(place.folder)) == 1, "the file is being written")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: files_in(place.folder) == [], "nothing is left")


def test_too_many_and_no_room_have_their_own_answers(open_place: Callable[..., Place]) -> None:
    place = open_place()
    for _ in range(3):
        status, answer = place.post(WAV)
        assert status == 200
    place.studio.known["mine"].source_key = answer["key"]
    assert place.post(WAV, stage="other")[0] == 200
    assert answer["key"] in [upload.key for upload in place.uploads.of("mine")]
    for upload in place.uploads.of("mine") + place.uploads.of("other"):
        place.studio.known[upload.key] = SimpleNamespace(identifier=upload.key, source_key=upload.key)
    assert place.post(WAV)[0] == 429
    place.uploads.limits = UploadLimits(min_free_bytes=10**18)
    assert place.post(WAV)[0] == 507


def test_the_file_of_a_page_that_has_gone_meanwhile_is_removed(open_place: Callable[..., Place]) -> None:
    place = open_place()
    with socket.create_connection(("127.0.0.1", place.server.port), timeout=20) as connection:
        head = f"POST /upload?stage=mine HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(WAV)}\r\n\r\n"
        connection.sendall(head.encode() + WAV[:5000])
        until(lambda: len(files_in(place.folder)) == 1, "the file is being written")
        del place.studio.known["mine"]
        connection.sendall(WAV[5000:])
        assert b" 404 " in connection.recv(65536)
    assert files_in(place.folder) == []


def test_a_form_is_taken_in_like_a_bare_file(open_place: Callable[..., Place]) -> None:
    place = open_place()
    connection = http.client.HTTPConnection("127.0.0.1", place.server.port, timeout=20)
    body = form(('name="file"; filename="a.wav"', WAV))
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    connection.request("POST", "/upload?stage=mine", body=body, headers=headers)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer["title"] == "a.wav"
    assert place.uploads.get(answer["key"], "mine").path.read_bytes() == WAV


def test_other_sites_cannot_send_files(open_place: Callable[..., Place]) -> None:
    place = open_place()
    connection = http.client.HTTPConnection("127.0.0.1", place.server.port, timeout=20)
    connection.request("POST", "/upload?stage=mine", body=WAV, headers={"Origin": "http://evil.example"})
    assert connection.getresponse().status == 403
    connection.close()
    assert files_in(place.folder) == []


# ---- in the browser --------------------------------------------------------------------------------------------------


@pytest.fixture
def visit(chromium: Any) -> Iterator[Callable[..., Viewer]]:
    """Opens the test page, which loads the real script around stand-ins for what it calls."""
    contexts: list[Any] = []

    def opened(place: Place, **settings: Any) -> Viewer:
        context = chromium.new_context(**{"viewport": {"width": 1366, "height": 768}, **settings})
        contexts.append(context)
        viewer = Viewer(context.new_page())
        viewer.page.goto(f"{place.server.url}page")
        viewer.until("Boolean(window.genrescope && genrescope.upload)")
        return viewer

    yield opened
    for context in contexts:
        context.close()


def choose(viewer: Viewer, name: str, data: bytes, kind: str = "audio/wav") -> None:
    viewer.page.set_input_files("#upload-input", {"name": name, "mimeType": kind, "buffer": data})


def drop(viewer: Viewer, fill: str, *, on: str = "body") -> None:
    """Hold something over the page and let it fall; `fill` puts it into the DataTransfer `data`."""
    viewer.value(
        f"""(() => {{
            const data = new DataTransfer();
            {fill}
            window.held = (type) => document.querySelector({on!r}).dispatchEvent(
                new DragEvent(type, {{dataTransfer: data, bubbles: true, cancelable: true}}));
            window.held("dragover");
            window.veiled = !document.getElementById("upload-veil").hidden;
            window.taken = !window.held("drop");
        }})()"""
    )


def file_of(data: bytes, name: str) -> str:
    return f"data.items.add(new File([Uint8Array.from({list(data)})], {name!r}, {{type: ''}}));"


def done(viewer: Viewer) -> list[str]:
    return list(viewer.value("genrescope.done"))


HIDDEN = "document.getElementById('upload-box').hidden"
SHORT = sound(0.1)


def test_the_button_sends_a_file_and_has_it_played(
    open_place: Callable[..., Place], visit: Callable[..., Viewer]
) -> None:
    place = open_place()
    viewer = visit(place)
    choosers: list[Any] = []
    viewer.page.on("filechooser", lambda chooser: choosers.append(chooser))
    # Chromium hears a moment later that it is to report its dialogs instead of showing them; a reload is long enough.
    viewer.page.reload()
    viewer.until("Boolean(window.genrescope && genrescope.upload)")
    viewer.page.focus("#upload")
    viewer.page.keyboard.press("Enter")
    until(lambda: bool(viewer.value("1") and choosers), "the button opens the dialog")  # asking delivers events
    choosers[0].set_files({"name": "Für Elise.wav", "mimeType": "audio/wav", "buffer": WAV})
    viewer.until("genrescope.done.length === 3")
    (upload,) = place.uploads.of("mine")
    assert upload.path.read_bytes() == WAV and upload.title == "Für Elise.wav"
    assert done(viewer) == ["own", "refresh", f"source {upload.key}"]
    viewer.until_text("announcement", "Now listening to Für Elise.wav.")
    viewer.until(HIDDEN)
    viewer.value("genrescope.notice('what was said of another file')")
    choose(viewer, "Für Elise.wav", WAV)  # the same once more
    until(lambda: len(place.uploads.of("mine")) == 2, "the same file can be chosen again")
    assert viewer.text("notice-box") == ""
    assert viewer.complaints == []


def test_a_dropped_file_is_sent(open_place: Callable[..., Place], visit: Callable[..., Viewer]) -> None:
    place = open_place()
    viewer = visit(place)
    drop(viewer, file_of(SHORT, "a & b=c?.wav"))
    assert viewer.value("veiled") and viewer.value("taken")
    viewer.until("genrescope.done.length === 3")
    assert [upload.title for upload in place.uploads.of("mine")] == ["a & b=c?.wav"]
    assert viewer.value("document.getElementById('upload-veil').hidden")
    assert viewer.complaints == []


def test_of_several_files_the_first_is_taken_and_it_is_said(
    open_place: Callable[..., Place], visit: Callable[..., Viewer]
) -> None:
    place = open_place()
    viewer = visit(place)
    drop(viewer, file_of(SHORT, "first.wav") + file_of(SHORT, "second.wav"))
    viewer.until_text("notice-box", "Of 2 files the first is taken: first.wav.")
    viewer.until("genrescope.done.length === 3")
    assert [upload.title for upload in place.uploads.of("mine")] == ["first.wav"]


@pytest.mark.parametrize(
    ("fill", "words"),
    [
        ("data.setData('text/plain', 'words');", "That is neither a sound file nor a link"),
        (
            "DataTransferItem.prototype.webkitGetAsEntry = () => ({isDirectory: true});" + file_of(b"", "Music"),
            "That is a folder: one sound file at a time",
        ),
    ],
)
def test_what_is_no_file_is_refused_in_words(
    open_place: Callable[..., Place], visit: Callable[..., Viewer], fill: str, words: str
) -> None:
    viewer = visit(open_place())
    drop(viewer, fill)
    viewer.until_text("notice-box", words)
    assert viewer.value("taken") and done(viewer) == []


def test_text_may_be_dropped_into_a_field_and_a_page_without_the_button_takes_nothing(
    open_place: Callable[..., Place], visit: Callable[..., Viewer]
) -> None:
    viewer = visit(open_place())
    drop(viewer, "data.setData('text/plain', 'words');", on="#field")
    assert not viewer.value("taken") and viewer.text("notice-box") == ""
    viewer.value("document.getElementById('upload').remove()")
    drop(viewer, file_of(SHORT, "song.wav"))
    assert viewer.value("taken") and not viewer.value("veiled")
    assert done(viewer) == []


def test_the_veil_goes_when_nothing_is_held_over_the_page_any_more(
    open_place: Callable[..., Place], visit: Callable[..., Viewer]
) -> None:
    viewer = visit(open_place())
    drop(viewer, file_of(SHORT, "song.wav"))
    viewer.value("held('dragover')")
    assert viewer.page.locator("#upload-veil").is_visible()
    assert viewer.text("upload-veil") == "Drop a sound file to listen to it"
    viewer.picture("upload-veil")
    viewer.until("document.getElementById('upload-veil').hidden")


@pytest.mark.parametrize(
    ("name", "kind", "data", "words"),
    [
        (
            "huge.wav",
            "audio/wav",
            bytes(1_500_000),
            "huge.wav is too large (1.5 MB): an uploaded file has at most 1 MB.",
        ),
        ("nothing.wav", "audio/wav", b"", "nothing.wav is empty"),
        ("notes.txt", "text/plain", b"Dear diary", "notes.txt is not a sound file genrescope can read"),
    ],
)
def test_what_cannot_be_sound_is_not_even_sent(
    open_place: Callable[..., Place], visit: Callable[..., Viewer], name: str, kind: str, data: bytes, words: str
) -> None:
    viewer = visit(open_place())
    viewer.value("genrescope.limits = {upload_bytes: 1000000}")
    choose(viewer, name, data, kind)
    viewer.until_text("notice-box", words)
    assert done(viewer) == [] and viewer.value(HIDDEN)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("notes.txt", b"Dear diary, " * 900, "notes.txt is not a sound file genrescope can read"),
        ("huge\u202e.wav", b"R", "huge.wav is not a sound file"),
    ],
)
def test_what_the_server_refuses_is_said_and_the_page_follows_the_others_again(
    open_place: Callable[..., Place], visit: Callable[..., Viewer], name: str, data: bytes, words: str
) -> None:
    place = open_place()
    viewer = visit(place)
    choose(viewer, name, data, "application/octet-stream")
    viewer.until_text("notice-box", words)
    viewer.until(HIDDEN)
    assert done(viewer) == ["own", "follow"]
    assert files_in(place.folder) == []


@pytest.mark.parametrize("megabytes", [20, 200])
def test_the_browser_hears_that_a_file_it_has_sent_is_too_large(
    open_place: Callable[..., Place], visit: Callable[..., Viewer], megabytes: int
) -> None:
    place = open_place()
    viewer = visit(place)
    viewer.value(f"genrescope.upload(new File([new Uint8Array({megabytes} * 1e6)], 'huge.wav'))")
    assert f"huge.wav is too large ({megabytes} MB): an uploaded file has at most 1 MB" in viewer.text("notice-box")
    assert files_in(place.folder) == []


def test_a_page_that_plays_something_of_its_own_keeps_it_when_a_file_is_refused(
    open_place: Callable[..., Place], visit: Callable[..., Viewer]
) -> None:
    viewer = visit(open_place())
    viewer.value("genrescope.stage = 'mine'")
    choose(viewer, "notes", b"Dear diary", "")
    viewer.until_text("notice-box", "notes is not a sound file")
    assert done(viewer) == ["own"]


def test_no_room_for_a_session_is_said(open_place: Callable[..., Place], visit: Callable[..., Viewer]) -> None:
    viewer = visit(open_place())
    viewer.value("genrescope.full = '12 pages have a session of their own already.'")
    choose(viewer, "song.wav", WAV)
    viewer.until_text("notice-box", "12 pages have a session of their own already.")
    viewer.until(HIDDEN)


def test_progress_is_shown_and_can_be_cancelled(open_place: Callable[..., Place], visit: Callable[..., Viewer]) -> None:
    place = open_place(UploadLimits(min_free_bytes=0))
    viewer = visit(place)
    line = viewer.page.context.new_cdp_session(viewer.page)
    line.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000},
    )
    choose(viewer, "A long evening.wav", sound(60.0, rate=44100))
    viewer.until("document.getElementById('upload-progress')?.position > 0.01")
    assert "Uploading A long evening.wav: " in viewer.text("upload-words")
    assert "% of 11 MB" in viewer.text("upload-words")
    viewer.picture("upload")
    choose(viewer, "another.wav", WAV)
    viewer.until_text("notice-box", "Another file is being uploaded.")
    viewer.page.focus("#upload-cancel")
    viewer.page.keyboard.press("Enter")
    viewer.until(HIDDEN)
    viewer.until_text("announcement", "The upload was cancelled.")
    assert viewer.value("document.activeElement.id") == "upload"
    assert done(viewer) == ["own", "follow"]
    until(lambda: files_in(place.folder) == [], "nothing of it stays")
    line.detach()
    choose(viewer, "song.wav", WAV)
    until(lambda: len(place.uploads.of("mine")) == 1, "the next file is taken")


def test_a_server_that_is_gone_is_said(open_place: Callable[..., Place], visit: Callable[..., Viewer]) -> None:
    place = open_place()
    viewer = visit(place)
    place.server.stop()
    choose(viewer, "song.wav", WAV)
    viewer.until_text("notice-box", "song.wav could not be sent: the connection to genrescope was lost.")


def test_a_replay_file_is_replayed_and_not_sent(open_place: Callable[..., Place], visit: Callable[..., Viewer]) -> None:
    viewer = visit(open_place())
    viewer.value("void (genrescope.openReplay = (file) => genrescope.done.push('replay ' + file.name))")
    drop(viewer, file_of(b"{}", "Talk.GENRESCOPE.json"))
    assert done(viewer) == ["replay Talk.GENRESCOPE.json"]


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_progress_is_accessible(
    open_place: Callable[..., Place], visit: Callable[..., Viewer], scheme: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    viewer = visit(open_place(), color_scheme=scheme)
    viewer.value("void (genrescope.own = () => new Promise(() => {}))")
    choose(viewer, "song.wav", WAV)
    viewer.until("!document.getElementById('upload-box').hidden")
    found = Axe().run(viewer.page).response["violations"]
    assert [violation["id"] for violation in found if violation["impact"] in ("serious", "critical")] == []
