"""Spoken sentences in many voices and languages, for a student that must tell speech from music."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from model.errors import DataError

SENTENCES = {
    "en": "Good evening and welcome. Before the music begins, a few words about tonight's programme and its players.",
    "de": "Guten Abend und willkommen. Bevor die Musik beginnt, einige Worte zum Programm und zu den Musikern.",
    "fr": "Bonsoir et bienvenue. Avant que la musique commence, quelques mots sur le programme et sur les musiciens.",
    "es": "Buenas noches y bienvenidos. Antes de que empiece la música, unas palabras sobre el programa de hoy.",
    "it": "Buona sera e benvenuti. Prima che cominci la musica, qualche parola sul programma e sui musicisti.",
    "pt": "Boa noite e bem-vindos. Antes de a música começar, algumas palavras sobre o programa desta noite.",
    "nl": "Goedenavond en welkom. Voordat de muziek begint, een paar woorden over het programma van vanavond.",
    "sv": "God kväll och välkomna. Innan musiken börjar, några ord om kvällens program och musikerna.",
    "pl": "Dobry wieczór i witamy. Zanim zacznie się muzyka, kilka słów o programie i o muzykach.",
    "tr": "İyi akşamlar ve hoş geldiniz. Müzik başlamadan önce program ve müzisyenler hakkında birkaç söz.",
}
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5")
_SECONDS = 60.0


def speak(out: Path, count: int, *, progress: Callable[[int, int], None] = lambda done, total: None) -> int:
    """Write `count` WAV files of a sentence each, one folder per voice; returns how many are there. Needs espeak-ng."""
    if shutil.which("espeak-ng") is None:
        raise DataError("nobody is here to speak", rule="espeak-ng is needed", next_step="apt install espeak-ng")
    chances = random.Random(0)
    for number in range(count):
        language, sentence = chances.choice(sorted(SENTENCES.items()))
        variant = chances.choice(VARIANTS)
        pitch, words_a_minute = chances.randint(20, 80), chances.randint(120, 210)
        path = out / f"{language}-{variant}" / f"{number:04d}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        voice = ["-v", f"{language}+{variant}", "-p", str(pitch), "-s", str(words_a_minute), "-w", str(path)]
        # Twice, as a sentence may be shorter than what is needed of a recording.
        done = subprocess.run(
            ["espeak-ng", *voice, f"{sentence} {sentence}"],
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS,
        )
        if done.returncode:
            raise DataError("espeak-ng failed", rule=(done.stderr.strip() or "no message").splitlines()[-1])
        progress(number + 1, count)
    return count
