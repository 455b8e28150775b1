"""Titles between the bytes of a radio: taken out whatever the pieces are, read whatever stands in them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import LinkError
from stream.links.icy import MAX_TITLE_LENGTH, IcyStripper, clean_title, stream_title
from stream.links.mp4 import index_at_end
from stream.links.ogg import MAX_COMMENT_BYTES, OggTitles

SOUND = np.random.default_rng(5).integers(0, 256, 5000, dtype=np.uint8).tobytes()


def block(text: bytes) -> bytes:
    """A block of text as it stands in the stream."""
    units = -(-len(text) // 16)
    return bytes([units]) + text.ljust(16 * units, b"\0")


def station(interval: int, titles: dict[int, bytes]) -> bytes:
    """`SOUND` with a block after every `interval` bytes, empty but for these."""
    stream = b""
    for number in range(len(SOUND) // interval + 1):
        piece = SOUND[number * interval : (number + 1) * interval]
        stream += piece
        if len(piece) == interval:
            stream += block(titles.get(number, b""))
    return stream


@given(st.integers(1, 700), st.lists(st.integers(1, 900), min_size=1, max_size=20))
@settings(max_examples=60, deadline=None)
def test_whatever_the_pieces_are_the_sound_comes_out_and_the_titles_in_order(interval: int, sizes: list[int]) -> None:
    last = len(SOUND) // interval - 1
    titles = {0: b"StreamTitle='One';", last: b"StreamTitle='Two';StreamUrl='http://radio.example/';"}
    stream, stripper = station(interval, titles), IcyStripper(interval)
    sound, heard, at, turn = b"", [], 0, 0
    while at < len(stream):
        piece = stream[at : at + sizes[turn % len(sizes)]]
        passed = stripper.feed(piece)
        sound += passed.sound
        heard += [passed.title] if passed.title is not None else []
        at, turn = at + len(piece), turn + 1
    assert sound == SOUND
    assert heard[-1] == "Two"
    assert set(heard) <= {"One", "Two"}, "a title may be passed over if the next stands in the same piece, no more"


def test_a_stream_without_titles_passes_as_it_is() -> None:
    stripper = IcyStripper.of_header(None)
    assert stripper.feed(SOUND).sound == SOUND


@pytest.mark.parametrize("header", ["-1", "1e3", "99999999999", "999999999999999999999", "²", "8192, 8192", "x"])
def test_a_station_whose_titles_stand_nowhere_is_refused(header: str) -> None:
    with pytest.raises(LinkError, match="bytes apart"):
        IcyStripper.of_header(header)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (b"StreamTitle='Artist - Song';", "Artist - Song"),
        (b"StreamTitle='Don't Stop';StreamUrl='http://x/?a=';", "Don't Stop"),
        (b"StreamTitle='It's 'quoted'; or so';StreamUrl='';\0\0\0", "It's 'quoted'; or so"),
        (b"StreamTitle='';", ""),
        (b"StreamTitle='no end", "no end"),
        (b"StreamUrl='http://x/';StreamTitle='After';", "After"),
        ("StreamTitle='Sigur Rós – ()';".encode(), "Sigur Rós – ()"),
        ("StreamTitle='Beyoncé';".encode("latin-1"), "Beyoncé"),
        (b"StreamTitle='\x93Heroes\x94';", "“Heroes”"),
        (b"StreamTitle='two\r\nlines\x1b[2J';", "two lines[2J"),
        ("StreamTitle='abc\u202etxt';".encode(), "abctxt"),
        (b"StreamUrl='';", None),
        (b"\x81\xff", None),
        (b"", None),
    ],
)
def test_titles_are_read_as_stations_write_them(text: bytes, title: str | None) -> None:
    assert stream_title(text) == title


@given(st.binary(max_size=4080))
def test_no_text_a_station_sends_does_harm(text: bytes) -> None:
    title = stream_title(b"StreamTitle='" + text)
    assert title is not None
    assert len(title) <= MAX_TITLE_LENGTH
    assert title == clean_title(title), "what was cleaned is clean"
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in title)


# ---- Ogg ---------------------------------------------------------------------------------------------------------


def page(body: bytes, *, flags: int, serial: int = 1, ends: bool = True) -> bytes:
    """An Ogg page that holds one packet, or a part of one."""
    lacing = [255] * (len(body) // 255) + ([len(body) % 255] if ends else [])
    assert len(lacing) <= 255
    head = b"OggS\0" + bytes([flags]) + bytes(8) + serial.to_bytes(4, "little") + bytes(8) + bytes([len(lacing)])
    return head + bytes(lacing) + body


def comments(prefix: bytes, *fields: str) -> bytes:
    values = [field.encode() for field in fields]
    packed = b"".join(len(value).to_bytes(4, "little") + value for value in values)
    return prefix + b"\4\0\0\0test" + len(values).to_bytes(4, "little") + packed


def opus(serial: int, *fields: str) -> bytes:
    """The beginning of a logical stream and some of its sound."""
    head = page(b"OpusHead\1\2" + bytes(9), flags=2, serial=serial)
    return (
        head + page(comments(b"OpusTags", *fields), flags=0, serial=serial) + page(SOUND[:900], flags=0, serial=serial)
    )


def titles_of(stream: bytes, size: int) -> list[str]:
    watcher = OggTitles()
    found = [watcher.feed(stream[at : at + size]) for at in range(0, len(stream), size)]
    return [title for title in found if title is not None]


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_each_piece_of_an_ogg_stream_brings_its_title(size: int) -> None:
    stream = opus(1, "TITLE=First", "artist=The X") + opus(2, "Title=Zweites", "TITLE=not this") + opus(3, "GENRE=pop")
    assert titles_of(stream, size) == ["The X · First", "Zweites", ""]


def test_comments_of_vorbis_and_flac_are_read_too() -> None:
    vorbis = page(b"\1vorbis" + bytes(23), flags=2) + page(comments(b"\3vorbis", "title=V"), flags=0)
    flac = page(b"\x7fFLAC" + bytes(40), flags=2) + page(comments(b"\x84\0\0\x20", "title=F"), flags=0)
    assert titles_of(vorbis + flac, 11) == ["V", "F"]


def test_a_comment_may_go_over_many_pages_and_a_picture_is_not_kept() -> None:
    packet = comments(b"OpusTags", "title=Long", "METADATA_BLOCK_PICTURE=" + "A" * 300_000)
    whole = 254 * 255
    pieces = [packet[at : at + whole] for at in range(0, len(packet), whole)]
    stream = page(b"OpusHead" + bytes(11), flags=2)
    for number, piece in enumerate(pieces):
        stream += page(piece, flags=1 if number else 0, ends=number == len(pieces) - 1)
    watcher = OggTitles()
    found = []
    for at in range(0, len(stream), 500):
        found.append(watcher.feed(stream[at : at + 500]))
        assert all(len(waiting.packet) <= MAX_COMMENT_BYTES for waiting in watcher._waiting.values())
    assert [title for title in found if title is not None] == ["Long"]


def test_a_listener_who_joins_in_the_middle_gets_the_next_title() -> None:
    stream = SOUND[:1234] + b"Ogg" + page(SOUND[:500], flags=0) + opus(2, "title=Next")
    assert titles_of(stream, 100) == ["Next"]


@given(st.binary(max_size=600), st.integers(1, 50))
@settings(deadline=None)
def test_no_ogg_stream_does_harm(rubbish: bytes, size: int) -> None:
    for stream in (rubbish, page(b"OpusHead", flags=2) + page(b"OpusTags" + rubbish, flags=0), b"OggS" + rubbish):
        for title in titles_of(stream, size):
            assert title == clean_title(title)


# ---- MP4 ---------------------------------------------------------------------------------------------------------


def test_an_mp4_file_whose_table_comes_after_the_sound_is_known_by_its_beginning() -> None:
    def box(name: bytes, size: int) -> bytes:
        return (8 + size).to_bytes(4, "big") + name + bytes(size)

    begin = box(b"ftyp", 20)
    assert index_at_end(begin + box(b"free", 0) + box(b"mdat", 1000))
    assert index_at_end(begin + b"\0\0\0\1mdat" + bytes(8))
    assert not index_at_end(begin + box(b"moov", 2000) + box(b"mdat", 1000))
    assert not index_at_end(begin + box(b"moof", 20) + box(b"mdat", 1000))
    assert not index_at_end(begin + bytes(40)), "a box without a length has none after it"
    assert not index_at_end(b"ID3" + bytes(100))
    assert not index_at_end(b"")
