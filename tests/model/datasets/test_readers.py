"""Published data sets are read as they are published, and what is not like them is refused."""

import sys
import types
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from model.datasets import extended_ballroom, gtzan
from model.datasets.dataset import Dataset
from model.datasets.requirements import trainable_tracks
from model.datasets.sound import inspect, read_mono
from model.datasets.spec import PUBLISHED, open_dataset
from model.errors import DataError
from tests.model.datasets import small_music

FOLDERS = {
    "gtzan": small_music.gtzan_folder,
    "fma-small": small_music.fma_folder,
    "fma-small-tags": small_music.fma_folder,
    "fma-small-styles": small_music.fma_folder,
    "fma-medium": lambda folder: small_music.fma_folder(folder, "medium"),
    "fma-medium-tags": lambda folder: small_music.fma_folder(folder, "medium"),
    "fma-medium-styles": lambda folder: small_music.fma_folder(folder, "medium"),
    "extended-ballroom": small_music.ballroom_mirror,
    "extended-ballroom-13": small_music.ballroom_mirror,
}


def opened(name: str, folder: Path) -> Dataset:
    return open_dataset(f"{name}:{FOLDERS[name](folder)}")


# What holds for all of them


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_data_set_says_what_it_is_and_lists_sound_that_is_there(name: str, tmp_path: Path) -> None:
    dataset = opened(name, tmp_path)
    assert dataset.name == name
    assert all((dataset.title, dataset.citation, dataset.licence, dataset.homepage, dataset.notes, dataset.remote))
    tracks = dataset.tracks()
    assert tracks == open_dataset(f"{name}:{tmp_path}").tracks()
    assert len({track.path for track in tracks}) == len(tracks) > 0
    for track in tracks:
        assert inspect(track.path).seconds > 0.2
        assert track.group.startswith(f"{track.dataset}:")
        assert track.labels
        assert set(track.labels) <= set(dataset.labels)
        assert not dataset.exclusive or track.label in dataset.labels


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_folder_that_holds_something_else_is_refused_with_what_to_do(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"genrescope data download|comes from"):
        open_dataset(f"{name}:{tmp_path}").tracks()
    with pytest.raises(DataError, match="is no folder"):
        open_dataset(f"{name}:{tmp_path / 'nowhere'}")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_checksums_are_of_a_known_kind_and_of_the_right_length(name: str, tmp_path: Path) -> None:
    lengths = {"md5": 32, "sha1": 40, "sha256": 64}
    for file in opened(name, tmp_path).remote:
        kind, _, value = file.checksum.partition(":")
        assert not file.checksum or len(value) == lengths[kind]
        assert file.about_bytes > 0


# GTZAN


def test_gtzan_has_the_official_split_without_the_faulty_clips(tmp_path: Path) -> None:
    tracks = opened("gtzan", tmp_path).tracks()
    assert Counter(track.split for track in tracks) == {"train": 20, "validation": 10, "test": 10}
    assert not any("00004" in track.path.name for track in tracks)
    assert {track.label for track in tracks} == set(gtzan.LABELS)
    assert trainable_tracks(open_dataset(f"gtzan:{tmp_path}")) == tracks


def test_gtzan_groups_neighbouring_clips_where_artists_are_unknown_and_says_so(tmp_path: Path) -> None:
    dataset = opened("gtzan", tmp_path)
    first, second = dataset.tracks()[:2]
    assert first.group == second.group == "gtzan:blues.0000x in train"
    assert any("neighbouring clips" in note for note in dataset.notes)


def test_gtzan_groups_by_artist_where_sturms_index_is_there(tmp_path: Path) -> None:
    small_music.gtzan_folder(tmp_path)
    lines = [
        "blues.00000.wav ::: John Lee Hooker ::: Think Twice",
        "blues.00001.wav ::: Robert Johnson ::: Kind Hearted",
    ]
    (tmp_path / gtzan.ARTISTS_FILE).write_text("\n".join(lines))
    first, second = open_dataset(f"gtzan:{tmp_path}").tracks()[:2]
    assert (first.group, second.group) == ("gtzan:john lee hooker", "gtzan:robert johnson")


def test_gtzan_takes_checksums_from_mirdata_where_that_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_music.gtzan_folder(tmp_path)
    index = tmp_path / "index.json"
    entries = ", ".join(
        f'"{genre}.{number:05d}": {{"audio": ["gtzan_genre/genres/{genre}/{genre}.{number:05d}.wav", "{"ab" * 16}"]}}'
        for genre in gtzan.LABELS
        for number in range(4)
    )
    index.write_text(f'{{"version": "1.0", "tracks": {{{entries}}}}}')
    mirdata = types.ModuleType("mirdata")
    mirdata.initialize = lambda name, data_home: types.SimpleNamespace(index_path=str(index))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mirdata", mirdata)
    dataset = open_dataset(f"gtzan:{tmp_path}")
    assert dataset.checksums()[tmp_path / "genres/blues/blues.00000.wav"] == "md5:" + "ab" * 16
    with (tmp_path / gtzan.LISTS["test"]).open("a") as file:
        file.write("\nrock/rock.00777.wav")
    with pytest.raises(DataError, match=r"rock\.00777.*mirdata"):
        dataset.tracks()


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "is empty"), ("blues/blues.00000.wav\nsomething else", "line 2"), ("blues/blues.00003.wav", "in train and")],
)
def test_lists_of_gtzan_that_make_no_sense_are_refused(tmp_path: Path, content: str, message: str) -> None:
    small_music.gtzan_folder(tmp_path)
    (tmp_path / gtzan.LISTS["train"]).write_text(content)
    with pytest.raises(DataError, match=message):
        open_dataset(f"gtzan:{tmp_path}").tracks()


def test_gtzan_without_its_split_is_refused(tmp_path: Path) -> None:
    small_music.gtzan_folder(tmp_path)
    (tmp_path / gtzan.LISTS["test"]).unlink()
    with pytest.raises(DataError, match="folder:FOLDER"):
        open_dataset(f"gtzan:{tmp_path}").tracks()


# FMA


def test_fma_has_its_official_split_artists_and_top_genre(tmp_path: Path) -> None:
    tracks = opened("fma-small", tmp_path).tracks()
    found = [(track.path.name, track.label, track.group, track.split) for track in tracks]
    assert found == [
        ("000002.mp3", "Hip-Hop", "fma:1", "train"),
        ("000005.mp3", "Hip-Hop", "fma:1", "train"),
        ("000010.mp3", "Rock", "fma:6", "validation"),
        ("001140.mp3", "Rock", "fma:54", "test"),
    ]


def test_fma_medium_holds_the_small_one_too_and_leaves_out_tracks_without_a_genre(tmp_path: Path) -> None:
    dataset = opened("fma-medium", tmp_path)
    assert len(dataset.tracks()) == 5
    assert dataset.labels == ("Folk", "Hip-Hop", "Rock")


def test_fma_gives_several_genres_at_once(tmp_path: Path) -> None:
    tags, styles = (opened(f"fma-medium-{kind}", tmp_path) for kind in ("tags", "styles"))
    assert not tags.exclusive
    assert [track.labels for track in tags.tracks()][-3:] == [("Rock",), ("Folk", "Rock"), ("Folk",)]
    assert [track.labels for track in styles.tracks()][2] == ("Punk", "Rock")
    with pytest.raises(DataError, match="2 labels"):
        _ = tags.tracks()[4].label


def test_fma_knows_the_checksums_that_come_with_the_clips(tmp_path: Path) -> None:
    small_music.fma_folder(tmp_path)
    (tmp_path / "fma_small" / "checksums").write_text(f"{'0' * 40}  000/000002.mp3\nnot a checksum\n")
    checksums = open_dataset(f"fma-small:{tmp_path}").checksums()
    assert checksums == {tmp_path / "fma_small/000/000002.mp3": "sha1:" + "0" * 40}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("genre_top", "genre", "track / genre_top"),
        ("\r\n2,", "\r\ntwo,", "line 5"),  # its row takes two lines
        (",validation,", ",elsewhere,", "elsewhere"),
        ('"[12, 25]"', '"__import__(1)"', "understood"),
        ('"[12, 25]"', '"[12, 99]"', "genre 99"),
    ],
)
def test_tables_of_fma_that_make_no_sense_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    small_music.fma_folder(tmp_path)
    table = tmp_path / "fma_metadata" / "tracks.csv"
    text = table.read_bytes().decode()
    assert old in text
    table.write_bytes(text.replace(old, new).encode())
    with pytest.raises(DataError, match=message):
        open_dataset(f"fma-small-tags:{tmp_path}").tracks()


# Extended Ballroom


def test_extended_ballroom_has_seven_dances_or_thirteen(tmp_path: Path) -> None:
    seven, thirteen = (opened(name, tmp_path) for name in ("extended-ballroom", "extended-ballroom-13"))
    assert seven.labels == ("chacha", "foxtrot", "quickstep", "rumba", "samba", "tango", "waltz")
    assert len(thirteen.labels) == 13
    assert [track.label for track in seven.tracks()] == ["chacha", "chacha", "waltz", "waltz", "tango"]
    assert [track.label for track in thirteen.tracks()][-1] == "salsa"


def test_extended_ballroom_groups_artists_albums_and_versions(tmp_path: Path) -> None:
    groups = {track.path.stem[-6:]: track.group for track in opened("extended-ballroom-13", tmp_path).tracks()}
    assert groups["100701"] == groups["100702"]  # the same artist, written in two ways
    assert groups["100801"] == groups["100802"]  # the same song of an album, once without its artist
    assert groups["100901"] == groups["100701"]  # a version of it by somebody else
    assert len(set(groups.values())) == 3


def test_extended_ballroom_lists_its_clips_to_download_once_the_list_is_there(tmp_path: Path) -> None:
    dataset = PUBLISHED["extended-ballroom"](tmp_path)
    assert [file.path for file in dataset.remote] == [extended_ballroom.LIST_FILE]
    small_music.ballroom_mirror(tmp_path)
    first = PUBLISHED["extended-ballroom"](tmp_path).remote[1]
    assert first.path == "Chacha/Chacha.100701.mp3"
    assert first.url == "http://media.ballroomdancers.com/mp3/100701.mp3"
    assert first.checksum.startswith("md5:")


def test_extended_ballroom_finds_clips_under_their_older_names(tmp_path: Path) -> None:
    small_music.ballroom_mirror(tmp_path)
    (tmp_path / "Chacha" / "Chacha.100701.mp3").rename(tmp_path / "Chacha" / "100701.mp3")
    samples, _ = read_mono(open_dataset(f"extended-ballroom:{tmp_path}").tracks()[0].path)
    assert len(samples)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id="100701"', 'id="../../etc/passwd"', "passwd"),
        ('id="100702"', 'id="100701"', "twice"),
        ("Chacha", "Pogo", "Pogo"),
        ('hash="', 'hash="zz', "MD5"),
        ("<extendedballroom>", "", "cannot be read"),
        ("<extendedballroom>", '<!DOCTYPE x [<!ENTITY a "b">]><extendedballroom>', "document type"),
    ],
)
def test_lists_of_extended_ballroom_that_make_no_sense_are_refused(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = small_music.ballroom_list().decode()
    assert old in text
    (tmp_path / extended_ballroom.LIST_FILE).write_text(text.replace(old, new))
    with pytest.raises(DataError, match=message):
        open_dataset(f"extended-ballroom:{tmp_path}").tracks()


# What training asks of them


def test_a_data_set_with_an_artist_on_both_sides_of_its_split_is_refused(tmp_path: Path) -> None:
    dataset = opened("fma-small", tmp_path)
    moved = tuple(replace(track, group="fma:1") for track in dataset.tracks())
    dataset.tracks = lambda: moved  # type: ignore[method-assign]
    with pytest.raises(DataError, match=r"fma:1 in .*train"):
        trainable_tracks(dataset)


def test_labels_without_any_track_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no track of foxtrot, quickstep, rumba, samba"):
        trainable_tracks(opened("extended-ballroom", tmp_path))
