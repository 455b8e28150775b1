"""Hears whole files and links for programs: at once where they are short, as a job where they are not."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard.api.job import JobStatus
from dashboard.api.jobs import QUEUED, Jobs, JobWatch
from dashboard.api.precedence import Precedence
from dashboard.foreign_files import clean_title, prove
from dashboard.track import track_answer
from dashboard.upload_refusals import UploadLimits, megabytes
from dashboard.uploads import Upload, Uploads, check_disk
from model.errors import AudioFileError, LinkError
from stream.classifier import Classifier
from stream.links.address import shown
from stream.offline import HeardFile, hear_file
from stream.sources.decoder import open_audio

if TYPE_CHECKING:
    from dashboard.studio import Studio
    from stream.links.playable import Playable
    from stream.links.web import Web

SHORT_SECONDS = 60.0
"""So much sound is heard while the program waits for the answer: a second or two of work."""
GRACE = 1.5
"""What a file says of its length is often a guess. One that holds so many times more than "short" becomes a job."""
AT_ONCE = 2
"""Short files that are heard at the same time; more become jobs."""
PATIENCE_SECONDS = 5.0
"""How long a short one waits for its turn."""
FILES = QUEUED + 2 * AT_ONCE
"""Those of the jobs, and those that are on their way."""
OWNER = "jobs"


@dataclass(frozen=True)
class Wanted:
    """What is to be said of a track. model : its name. top, windows : as `track_answer` has them."""

    model: str
    top: int | None = None
    windows: bool = False


class WholeTracks:
    """Takes files and links, and gives answers or jobs. Every method may be called from any thread.

    jobs, clock : where long ones go, and its clock.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        engine = studio.engine
        self.jobs = Jobs(engine.clock, make_way=Precedence(engine, engine.clock).wait)
        # A folder of its own: nobody's session loses its file for a job, and no job for a session.
        self.uploads = Uploads(limits=replace(studio.uploads.limits, max_files=FILES))
        studio.uploads.at_close(self.close)
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def close(self) -> None:
        """End every job."""
        self.jobs.close()
        self.uploads.close()

    def in_use(self) -> set[str]:
        """The keys of the files in `uploads`: every one of them is still to be heard."""
        return {upload.key for upload in self.uploads.of(OWNER)}

    def hear_upload(self, upload: Upload, wanted: Wanted, *, wait: bool) -> dict[str, Any] | JobStatus:
        """The answer for a file that is in `uploads`, or a job. The file is removed when it has been heard.

        wait : answer at once if it is short; otherwise it is a job in any case.

        Raises BundleError, AudioFileError, JobsFullError.
        """
        is_job = False
        try:
            classifier = self._studio.classifier(wanted.model)
            short = wait and upload.seconds is not None and upload.seconds <= SHORT_SECONDS
            if short and self._turns.acquire(timeout=PATIENCE_SECONDS):
                try:
                    return self._hear(upload.path, upload.title, classifier, wanted, self._short_progress())
                except _LongerError:
                    pass
                finally:
                    self._turns.release()
            status = self.jobs.add(
                lambda watch: self._hear_in_job(watch, upload.path, upload.title, classifier, wanted),
                title=upload.title,
                total_seconds=upload.seconds,
                discard=lambda: self.uploads.remove(upload.key, upload.owner),
            )
            is_job = True
            return status
        finally:
            if not is_job:
                self.uploads.remove(upload.key, upload.owner)

    def hear_link(self, url: str, wanted: Wanted) -> JobStatus:
        """A job for what a link leads to. Raises BundleError, JobsFullError."""
        classifier = self._studio.classifier(wanted.model)
        return self.jobs.add(lambda watch: self._hear_link(watch, url, classifier, wanted), title=shown(url))

    def _short_progress(self) -> Callable[[float], None]:
        """For `hear_file`: so far and no further, and live sessions first."""
        engine = self._studio.engine
        precedence = Precedence(engine, engine.clock, patient=False)
        never = threading.Event()

        def progress(seconds: float) -> None:
            if seconds > SHORT_SECONDS * GRACE:
                raise _LongerError
            precedence.wait(never)

        return progress

    # ---- in a request's thread, or in that of the jobs -----------------------------------------------------------

    def _hear(
        self, path: Path, title: str, classifier: Classifier, wanted: Wanted, progress: Callable[[float], None]
    ) -> dict[str, Any]:
        classifier.load()
        try:
            heard = hear_file(
                path,
                classifier,
                self._studio.settings,
                progress=progress,
                max_seconds=self._studio.uploads.limits.max_seconds,
            )
        except AudioFileError as error:
            raise AudioFileError(
                error.what.replace(str(path), title), rule=error.rule, next_step=error.next_step
            ) from error
        return track_answer(_named(heard, title), classifier, top=wanted.top, windows=wanted.windows)

    def _hear_in_job(
        self, watch: JobWatch, path: Path, title: str, classifier: Classifier, wanted: Wanted
    ) -> dict[str, Any]:
        if not classifier.loaded:
            watch.tell(detail="the network is being loaded")

        def progress(seconds: float) -> None:
            watch.tell(progress_seconds=round(seconds, 3), detail="listening")
            watch.step()

        return self._hear(path, title, classifier, wanted, progress)

    def _hear_link(self, watch: JobWatch, url: str, classifier: Classifier, wanted: Wanted) -> dict[str, Any]:
        from stream.links.fetch import fetch_whole
        from stream.links.playable import find_playable

        web = self._studio.web()
        watch.tell(detail="looking at the link")
        playable = find_playable(url, web)
        watch.step()
        title = clean_title(playable.title)
        watch.tell(title=title)
        if playable.live:
            raise _endless(title)
        with tempfile.TemporaryDirectory(prefix="genrescope-link-", ignore_cleanup_errors=True) as folder:
            path = self._fetch(watch, playable, Path(folder), web, fetch_whole)
            watch.tell(total_seconds=_said_seconds(path, title, self.uploads.limits))
            answer = self._hear_in_job(watch, path, title, classifier, wanted)
        # What the file calls itself matters less than what the site calls it.
        return {**answer, "title": title}

    def _fetch(self, watch: JobWatch, playable: Playable, folder: Path, web: Web, fetch: Callable[..., Path]) -> Path:
        def progress(done: int, total: int | None) -> None:
            check_disk(folder, 0, self.uploads.limits)
            of = "" if total is None else f" of {megabytes(total)}"
            watch.tell(detail=f"fetching: {megabytes(done)}{of}")

        try:
            return fetch(playable, folder, web, progress=progress, cancelled=lambda: watch.cancelled)
        finally:
            # Cancelled or done: the job says so itself.
            watch.step()


def _said_seconds(path: Path, title: str, limits: UploadLimits) -> float | None:
    """How long a file says it is. Raises UploadError if it is no music."""
    decoder = open_audio(path)
    try:
        prove(decoder, title, limits)
        return decoder.duration_seconds
    finally:
        decoder.close()


class _LongerError(Exception):
    """A file holds more sound than it says."""


def _named(heard: HeardFile, title: str) -> HeardFile:
    """Under the name it was sent with, and not that of the file it is kept in."""
    own = heard.title if heard.title != heard.path.stem else Path(title).stem
    return replace(heard, title=own, problem=heard.problem.replace(str(heard.path), title))


def _endless(title: str) -> LinkError:
    return LinkError(
        f"{title} is live and has no end",
        rule="only what has an end is heard whole",
        next_step='Start a session with POST /api/v1/sessions and {"source": {"kind": "link", "url": ...}}',
    )
