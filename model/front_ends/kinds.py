"""The kinds of front ends there are, and which of them a bundle asks for."""

from __future__ import annotations

from collections.abc import Mapping

from model.errors import BundleError
from model.front_ends.front_end import FrontEnd
from model.front_ends.harmonic_percussive import HarmonicPercussive
from model.front_ends.log_mel import LogMel
from model.front_ends.log_spectrum import LogSpectrum
from model.front_ends.mfcc import Mfcc

KINDS: Mapping[str, type[FrontEnd]] = {
    "log-mel": LogMel,
    "log-spectrum": LogSpectrum,
    "mfcc": Mfcc,
    "mfcc-harmonic-percussive": HarmonicPercussive,
}


def read_front_end(values: object) -> FrontEnd:
    """Read what `FrontEnd.to_json` wrote; raises BundleError for anything this version cannot reproduce."""
    kind = values.get("kind") if isinstance(values, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise BundleError(
            f"the bundle's front end is of the kind {kind!r}, which this version cannot reproduce",
            rule=f"it must be {', '.join(KINDS)}",
            next_step="Use a bundle made for this version",
        )
    return KINDS[kind].from_json(values)
