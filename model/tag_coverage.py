"""What FMA's sixteen top genres are called by networks that were not trained on them.

Beside them stand styles that listeners ask for and that only AudioSet has a name for, such as grunge.

The names are those of the Million Song Dataset's fifty tags (MSD_musicnn), of MagnaTagATune's fifty (MTT_musicnn) and
of AudioSet's classes. Only names that mean the genre stand here: "oldies" are hits of the sixties, not FMA's old-time
music, "acoustic" is not folk, and "guitar" is not country. Old-time music has a name in none of the three.

Reference: M. Defferrard et al., "FMA: a dataset for music analysis", ISMIR 2017, arXiv 1612.01840.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model.datasets.dataset import alike
from model.tag_reading import known_synonyms

MSD, MTT, AUDIOSET = "msd", "mtt", "audioset"


@dataclass(frozen=True)
class FmaGenre:
    """One of the sixteen: its name, and by teacher the tags that mean it."""

    name: str
    tags: Mapping[str, tuple[str, ...]]


def _genre(name: str, msd: str = "", mtt: str = "", audioset: str = "") -> FmaGenre:
    by_teacher = {MSD: msd, MTT: mtt, AUDIOSET: audioset}
    return FmaGenre(name, {teacher: tuple(tags.split("|")) for teacher, tags in by_teacher.items() if tags})


FMA_GENRES = (
    _genre(
        "Electronic",
        "electronic|electronica|electro|House",
        "electronic|techno|synth",
        "Electronic music|House music|Techno|Dubstep|Drum and bass|Electronica|Electronic dance music|Ambient music|"
        "Trance music",
    ),
    _genre("Experimental", "experimental", "weird"),
    _genre("Folk", "folk", "", "Folk music"),
    _genre("Hip-Hop", "Hip-Hop", "", "Hip hop music"),
    _genre("Instrumental", "instrumental", "no vocals|no vocal|no voice"),
    _genre(
        "International",
        "",
        "indian|sitar",
        "Music of Latin America|Salsa music|Flamenco|Music of Africa|Afrobeat|Middle Eastern music|Music of Asia|"
        "Carnatic music|Music of Bollywood|Reggae",
    ),
    _genre("Pop", "pop|indie pop", "pop", "Pop music"),
    _genre(
        "Rock",
        "rock|alternative rock|classic rock|indie rock|hard rock|Progressive rock|punk|metal|heavy metal",
        "rock|metal",
        "Rock music|Heavy metal|Punk rock|Grunge|Progressive rock|Rock and roll|Psychedelic rock",
    ),
    _genre("Blues", "blues", "", "Blues"),
    _genre("Classical", "", "classical|classic|opera|harpsichord", "Classical music|Opera"),
    _genre("Country", "country", "country", "Country|Bluegrass"),
    _genre("Easy Listening", "easy listening"),
    _genre("Jazz", "jazz", "", "Jazz|Swing music"),
    _genre("Old-Time / Historic"),
    _genre("Soul-RnB", "soul|rnb", "", "Soul music|Rhythm and blues"),
    _genre("Spoken", "", "", "Speech"),
)
"""FMA counts reggae as international, and metal and punk as rock. Its own soul, funk and disco are one genre."""


STYLES = {
    "grunge": "audioset:Grunge",
    "psychedelic rock": "audioset:Psychedelic rock",
    "rock and roll": "audioset:Rock and roll",
    "reggae": "audioset:Reggae",
    "ska": "audioset:Ska",
    "disco": "audioset:Disco",
    "swing": "audioset:Swing music",
    "afrobeat": "audioset:Afrobeat",
    "techno": "audioset:Techno",
    "trance": "audioset:Trance music",
    "dubstep": "audioset:Dubstep",
    "drum and bass": "audioset:Drum and bass",
    "new age": "audioset:New-age music",
}
"""By label: classes of AudioSet of which the small network says what its teacher says on artists it never heard, with a
correlation of .65 or more (`python -m model.teaching agreement`)."""


def coverage(tags: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """By genre: the tags among these that mean it, none where it is not covered.

    tags : of a network, by name, or by teacher and name ("audioset:Jazz").
    """
    named = [teacher for teacher in (MSD, MTT, AUDIOSET) if any(tag.startswith(f"{teacher}:") for tag in tags)]
    prefixes = {teacher: f"{teacher}:" for teacher in named} or dict.fromkeys((MSD, MTT, AUDIOSET), "")
    found: dict[str, tuple[str, ...]] = {}
    for genre in FMA_GENRES:
        known: dict[str, None] = {}
        for teacher, prefix in prefixes.items():
            meant = known_synonyms({genre.name: genre.tags.get(teacher, ())}, tags, prefix)
            known.update(dict.fromkeys(meant.get(genre.name, ())))
        found[genre.name] = tuple(known)
    return found


def readings(tags: Sequence[str], others: Sequence[str] = ()) -> dict[str, tuple[str, ...]]:
    """By label the tags that mean it: every tag as itself, and the genres that these tags cover under other names.

    A genre that is called like a tag, but for capitals and hyphens, is that tag. FMA counts metal as rock, but whoever
    hears metal wants to be told "metal" first.

    others : of networks beside this one, by teacher and name; of them come `STYLES`, and the genres that are missing.
    """
    found: dict[str, tuple[str, ...]] = {tag: (tag,) for tag in tags}
    found |= {label: (tag,) for label, tag in STYLES.items() if tag in others and label not in found}
    beside = coverage(others)
    for name, meant in coverage(tags).items():
        if (meant or beside[name]) and (label := genre_label(name, tags)) not in found:
            found[label] = meant or beside[name]
    return found


def genre_label(name: str, tags: Sequence[str]) -> str:
    """What one of the sixteen is called beside these tags."""
    return next((tag for tag in tags if alike(tag) == alike(name)), name)
