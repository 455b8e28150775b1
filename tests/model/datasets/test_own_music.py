"""One's own music: folders, listings, several data sets as one; and what is wrong in them is said."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from model.datasets import sound
from model.datasets.dataset import LabelledTrack
from model.datasets.requirements import check_broken, trainable_tracks
from model.datasets.sound import has_ffmpeg, inspect, read_mono, read_samples
from model.datasets.spec import open_dataset
from model.errors import AudioFileError, DataError
from tests.model.datasets import small_music
from tests.model.datasets.small_music import write_csv, write_tone

needs_ffmpeg = pytest.mark.skipif(not has_ffmpeg(), reason="needs ffmpeg")


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Four files in folders of two labels."""
    folder = tmp_path / "music"
    write_tone(folder / "jazz" / "Miles Davis" / "a.flac", 200)
    write_tone(folder / "jazz" / "Miles Davis" / "live" / "b.wav", 210)
    write_tone(folder / "rock" / "c.flac", 220, artist="Nirvana")
    write_tone(folder / "rock" / "d.wav", 230)
    (folder / "rock" / "cover.jpg").write_bytes(b"picture")
    (folder / "rock" / ".hidden.wav").write_bytes(b"")
    return folder


# Folders of folders


def test_folders_are_labels_and_artists_are_folders_tags_or_unknown(music: Path) -> None:
    dataset = open_dataset(f"folder:{music}")
    assert [(track.path.name, track.label, track.group) for track in dataset.tracks()] == [
        ("a.flac", "jazz", "Miles Davis"),
        ("b.wav", "jazz", "Miles Davis"),
        ("c.flac", "rock", "Nirvana"),
        ("d.wav", "rock", "music/rock/d.wav"),
    ]
    notes = " ".join(dataset.notes)
    assert 'the artist\'s folder for 2, the tag "artist" for 1, the file itself for 1 of 4 tracks' in notes
    assert "artist of 1 tracks is unknown" in notes
    assert "2 other files" in notes


def test_topmost_folders_may_be_the_sides_of_a_split(tmp_path: Path) -> None:
    for side in ("training", "val", "test"):
        for label in ("jazz", "rock"):
            write_tone(tmp_path / side / label / f"{side} {label}" / "a.wav", 200)
    tracks = open_dataset(f"folder:{tmp_path}").tracks()
    assert [track.split for track in tracks] == ["test", "test", "train", "train", "validation", "validation"]
    assert {track.label for track in tracks} == {"jazz", "rock"}


def test_a_label_that_is_an_empty_folder_is_refused_in_training(music: Path) -> None:
    (music / "polka").mkdir()
    dataset = open_dataset(f"folder:{music}")
    assert dataset.labels == ("jazz", "polka", "rock")
    with pytest.raises(DataError, match="no track of polka"):
        trainable_tracks(dataset)


def test_a_single_label_is_refused_in_training(music: Path) -> None:
    with pytest.raises(DataError, match="only the label jazz"):
        trainable_tracks(open_dataset(f"folder:{music}", labels="jazz"))


def test_a_folder_without_music_is_refused(tmp_path: Path) -> None:
    (tmp_path / "jazz").mkdir()
    with pytest.raises(DataError, match="no sound files in folders of labels"):
        open_dataset(f"folder:{tmp_path}")


# Listings


def test_a_listing_may_leave_out_groups_and_splits(music: Path, tmp_path: Path) -> None:
    listing = write_csv(
        tmp_path / "songs.csv",
        [
            ("Path", "label", "group", "split"),
            ("music/jazz/Miles Davis/a.flac", "jazz", "Miles", "train"),
            ("music/rock/c.flac", "rock", "", "TEST"),
            (music / "rock" / "d.wav", " rock ", "", ""),
        ],
    )
    dataset = open_dataset(str(listing))
    assert [(track.label, track.group, track.split, track.dataset) for track in dataset.tracks()] == [
        ("jazz", "Miles", "train", "songs"),
        ("rock", "Nirvana", "test", "songs"),
        ("rock", f"songs/{music / 'rock' / 'd.wav'}", "", "songs"),
    ]
    assert dataset.exclusive
    assert all(len(read_samples(track, 16_000)) == 4800 for track in dataset.tracks())


def test_several_labels_of_a_track_are_separated_by_semicolons(music: Path) -> None:
    rows = [("path", "label"), ("rock/c.flac", "rock; loud;rock"), ("rock/d.wav", "rock")]
    dataset = open_dataset(str(write_csv(music / "songs.csv", rows)))
    assert dataset.tracks()[0].labels == ("rock", "loud")
    assert dataset.labels == ("loud", "rock")
    assert not dataset.exclusive


def test_a_folder_with_a_short_listing_is_a_data_set_too(music: Path) -> None:
    write_csv(music / "labels.csv", [("path", "label"), ("rock/c.flac", "rock")])
    dataset = open_dataset(str(music))
    assert (dataset.name, len(dataset.tracks())) == ("music", 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,genre\na.wav,jazz\n", "no column label"),
        ("path,label\n", "no tracks"),
        ("", "no column path"),
        ("path,label\na.wav,\n", "line 2 has no label"),
        ("path,label\na.wav,;\n", "line 2 has no label"),
        ("path,label\n,jazz\n", "line 2 has no path"),
        ("path,label\na.wav,jazz,more\n", "line 2 has more fields"),
        ("path,label\na.wav\n", "line 2 has fewer fields"),
        ("path,label,split\na.wav,jazz,left\n", "split 'left'"),
        ("path,label,seconds\na.wav,jazz,long\n", "'long' is no length"),
        ("path,label\na.wav,jazz\n./a.wav,rock\n", r"line 3 lists .*a\.wav again"),
        ('path,label\n"a.wav,jazz\n', "cannot be read"),
        ("path,label\n\xff.wav,jazz\n", "UTF-8"),
    ],
)
def test_listings_that_make_no_sense_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "songs.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=message):
        open_dataset(str(tmp_path / "songs.csv"))


def test_an_artist_on_both_sides_of_a_listed_split_is_refused(tmp_path: Path) -> None:
    rows = [
        ("path", "label", "group", "split"),
        ("a.wav", "jazz", "Miles", "train"),
        ("b.wav", "rock", "Miles", "test"),
    ]
    with pytest.raises(DataError, match="Miles in test and train"):
        trainable_tracks(open_dataset(str(write_csv(tmp_path / "songs.csv", rows))))


# Several as one, and some labels


def test_joined_data_sets_share_labels_by_name_and_keep_their_sources(music: Path, tmp_path: Path) -> None:
    small_music.fma_folder(tmp_path / "fma")
    write_tone(music / "hip hop" / "Someone" / "e.wav", 240)
    dataset = open_dataset(f"folder:{music}+fma-small:{tmp_path / 'fma'}")
    assert dataset.labels == ("hip hop", "jazz", "rock")
    assert {track.dataset for track in dataset.tracks()} == {"music", "fma"}
    assert [track.label for track in dataset.tracks() if track.dataset == "fma"] == ["hip hop"] * 2 + ["rock"] * 2
    assert dataset.name == "music+fma-small"
    assert "CC BY 4.0" in dataset.licence


def test_numbers_of_artists_stay_apart_but_an_artist_of_ones_own_is_one_everywhere(tmp_path: Path) -> None:
    small_music.fma_folder(tmp_path / "fma")
    first, second = tmp_path / "first", tmp_path / "second"
    write_tone(first / "jazz" / "1" / "a.wav", 200)
    write_tone(first / "jazz" / "Miles Davis" / "b.wav", 210)
    write_tone(second / "rock" / "Miles Davis" / "c.wav", 220)
    joined = open_dataset(f"folder:{first}+folder:{second}+fma-small:{tmp_path / 'fma'}").tracks()
    groups = [track.group for track in joined]
    assert groups[:3] == ["1", "Miles Davis", "Miles Davis"]
    assert "fma:1" in groups


def test_a_plus_may_be_part_of_a_path(tmp_path: Path) -> None:
    write_tone(tmp_path / "r+b" / "soul" / "a.wav", 200)
    write_tone(tmp_path / "more" / "funk" / "b.wav", 210)
    assert open_dataset(f"folder:{tmp_path / 'r+b'}").labels == ("soul",)
    assert open_dataset(f"folder:{tmp_path / 'r+b'}+folder:{tmp_path / 'more'}").labels == ("funk", "soul")


def test_a_file_in_two_joined_data_sets_is_refused(music: Path) -> None:
    with pytest.raises(DataError, match="again"):
        open_dataset(f"folder:{music}+folder:{music}").tracks()


def test_only_some_labels_can_be_chosen(music: Path) -> None:
    rows = [("path", "label"), ("rock/c.flac", "rock;loud"), ("rock/d.wav", "quiet")]
    dataset = open_dataset(str(write_csv(music / "songs.csv", rows)), labels="LOUD, quiet")
    assert dataset.labels == ("loud", "quiet")
    assert [track.labels for track in dataset.tracks()] == [("loud",), ("quiet",)]


def test_unknown_labels_are_refused(music: Path) -> None:
    with pytest.raises(DataError, match=r"does not have the label polka.*jazz, rock"):
        open_dataset(f"folder:{music}", labels="jazz,polka")


@pytest.mark.parametrize("spec", ["", "nothing", "gtzan:", "minidisc:/tmp", "songs.csv", "+", "folder:/nowhere/at/all"])
def test_what_is_no_spec_is_refused_in_words(spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"SPEC|names one"):
        open_dataset(spec)


# Sound files


def track_of(path: Path) -> LabelledTrack:
    return LabelledTrack(path, "x", ("jazz",), "g")


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg", "a.opus", "a.au"])
def test_every_common_kind_of_file_is_read_to_its_end(name: str, tmp_path: Path) -> None:
    kinds = {".opus": ("OGG", "OPUS"), ".au": ("AU", "PCM_16")}
    samples = np.stack([small_music.tone(200, seconds=2.0), np.zeros(2 * 22_050, np.float32)], axis=1)
    kind, subtype = kinds.get(Path(name).suffix, (None, None))
    rate = 24_000 if name == "a.opus" else 22_050
    soundfile.write(tmp_path / name, samples, rate, format=kind, subtype=subtype)
    heard = read_samples(track_of(tmp_path / name), 16_000)
    assert heard.dtype == np.float32
    assert heard.shape == pytest.approx((len(samples) / rate * 16_000,), abs=1200)
    assert np.abs(heard).max() == pytest.approx(0.15, abs=0.02)  # the mean of a tone and silence
    assert inspect(tmp_path / name).channels == 2


def test_samples_are_the_same_as_from_one_call_of_libsndfile(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "a.opus", rng.normal(0, 0.1, (48_000 * 3, 2)), 48_000, format="OGG", subtype="OPUS")
    expected, rate = soundfile.read(tmp_path / "a.opus", dtype="float32", always_2d=True)
    found, found_rate = read_mono(tmp_path / "a.opus")
    assert rate == found_rate
    np.testing.assert_array_equal(found, expected.mean(axis=1))


@needs_ffmpeg
@pytest.mark.parametrize("broken", ["libsndfile gives up", ""])
def test_ffmpeg_reads_what_libsndfile_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    source = write_tone(tmp_path / "a.wav", 200, seconds=1.0)
    if broken:

        def fail(path: Path) -> tuple[np.ndarray, int]:
            raise soundfile.SoundFileRuntimeError(broken)

        monkeypatch.setattr(sound, "_read_with_libsndfile", fail)
    else:
        converted = tmp_path / "a.m4a"
        subprocess.run(["ffmpeg", "-v", "quiet", "-i", source, "-c:a", "aac", converted], check=True)
        source = converted
    samples, rate = read_mono(source)
    assert rate == 22_050
    assert len(samples) / rate == pytest.approx(1.0, abs=0.1)
    assert np.sqrt(np.mean(np.square(samples))) == pytest.approx(0.3 / np.sqrt(2), abs=0.02)


def test_without_a_second_try_it_does_not_matter_whether_ffmpeg_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> tuple[np.ndarray, int]:
        raise soundfile.SoundFileRuntimeError("libsndfile gives up")

    monkeypatch.setattr(sound, "_read_with_libsndfile", fail)
    with pytest.raises(AudioFileError, match="gives up"):
        read_samples(track_of(write_tone(tmp_path / "a.wav", 200)), 16_000, second_try=False)


@pytest.mark.parametrize("content", [None, b"", b"no sound at all" * 100, b"RIFF\x24\x00\x00\x00WAVEfmt "])
def test_files_that_are_no_sound_are_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "song.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AudioFileError, match=r"song\.wav"):
        read_mono(path)
    with pytest.raises(AudioFileError, match=r"song\.wav"):
        inspect(path)


def test_a_recording_of_hours_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "LONGEST_SECONDS", 1.0)
    with pytest.raises(AudioFileError, match="too long"):
        read_mono(write_tone(tmp_path / "a.wav", 200, seconds=1.5))


def test_a_few_broken_files_are_left_out_and_many_are_an_error_that_lists_them() -> None:
    broken = {Path(f"{number}.wav"): f"{number}.wav is empty" for number in range(30)}
    check_broken(broken, 600)
    with pytest.raises(DataError, match=r"30 of 599 .* 0\.wav is empty; 1\.wav .*19\.wav is empty; and 10 more"):
        check_broken(broken, 599)
