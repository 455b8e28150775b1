"""The image: its recipe is clean, leaves everything out that is not needed, and what it starts answers and ends well.

Where a docker daemon answers, the image is built and run. Everywhere the recipe's steps are carried out in a folder,
with the packages of the test environment in place of downloads: exactly those the recipe asks for, and no others.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.commands import PROJECT

DOCKERFILE = PROJECT / "Dockerfile"
PATIENCE_SECONDS = 90.0
IMAGE = "genrescope-under-test"


# ---- the recipe as text --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One instruction of the Dockerfile: its name, and what follows."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """What follows, word by word, whether written as JSON or as for a shell."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


def read_steps(text: str) -> list[Step]:
    """The instructions of a Dockerfile; lines that go on and comments in between are understood."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    pairs = [line.strip().partition(" ") for line in whole.splitlines() if line.strip()]
    return [Step(name.upper(), rest.strip()) for name, _, rest in pairs]


def stages(steps: Sequence[Step]) -> list[list[Step]]:
    found: list[list[Step]] = []
    for step in steps:
        if step.name == "FROM":
            found.append([])
        found[-1].append(step)
    return found


STEPS = read_steps(DOCKERFILE.read_text())
BUILD, FINAL = stages(STEPS)


def last(name: str) -> Step:
    """The instruction of the final stage that counts."""
    return next(step for step in reversed(FINAL) if step.name == name)


def health_command() -> list[str]:
    return Step("CMD", last("HEALTHCHECK").text.partition("CMD ")[2]).words


def compose() -> dict[str, Any]:
    return yaml.safe_load((PROJECT / "compose.yaml").read_text())


def test_the_recipe_is_clean() -> None:
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint, "hadolint belongs to the test environment"
    command = [hadolint, "--config", str(PROJECT / ".hadolint.yaml"), str(DOCKERFILE)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_hadolint_would_find_something(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM python:latest\nRUN cd /tmp && sudo pip install flask\n")
    hadolint = Path(sys.executable).parent / "hadolint"
    command = [str(hadolint), "--config", str(PROJECT / ".hadolint.yaml"), str(bad)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode != 0 and "DL3007" in found.stdout


def test_every_stage_begins_with_a_pinned_python_that_tensorflow_has_wheels_for() -> None:
    for stage in (BUILD, FINAL):
        assert re.fullmatch(r"python:3\.1[123](\.\d+)?-slim-\w+( AS \w+)?", stage[0].text)


def test_it_runs_as_somebody_with_a_number_and_not_as_root() -> None:
    user, _, group = last("USER").text.partition(":")
    assert int(user) >= 10000 and int(group) >= 10000
    at = [step.name for step in FINAL].index("USER")
    assert all(step.name not in ("RUN", "COPY", "ADD") for step in FINAL[at:]), "nothing belongs to the user who runs"


def test_nothing_to_build_with_is_in_the_final_stage() -> None:
    installs = " ".join(step.text for step in FINAL if step.name == "RUN")
    assert not re.search(r"\b(gcc|g\+\+|build-essential|make|git|curl|wget|pip|python3?-dev)\b", installs)
    assert "rm -rf /var/lib/apt/lists/*" in installs


def test_it_says_its_port_its_health_and_how_it_is_ended() -> None:
    assert last("EXPOSE").text == "8050"
    assert last("STOPSIGNAL").text == "SIGTERM"
    assert "http://127.0.0.1:8050/api/v1/health/live" in " ".join(health_command())
    assert last("ENTRYPOINT").words == ["genrescope"] and last("CMD").text.startswith("[")


def test_no_password_is_in_the_recipe() -> None:
    for text in (DOCKERFILE.read_text(), (PROJECT / "compose.yaml").read_text()):
        assert not re.search(r"(?i)(password|secret|token)\s*[=:]\s*[^\s.]", re.sub(r"(?m)^\s*#.*$", "", text))


# ---- what gets into the image --------------------------------------------------------------------------------------


def sent(patterns: Sequence[str], path: str) -> bool:
    """Whether a file goes to the builder: the last pattern that fits it, or a folder above it, decides."""
    parts = path.split("/")
    above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    taken = True
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        anywhere = wanted.removeprefix("**/")
        candidates = [each.rpartition("/")[2] for each in above] if anywhere != wanted else above
        if any(fnmatchcase(each, anywhere) and each.count("/") == anywhere.count("/") for each in candidates):
            taken = pattern.startswith("!")
    return taken


def ignore_patterns() -> list[str]:
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        "tests/test_docker.py",
        "artefacts/page-desk.png",
        "docs/page.png",
        "token",
        ".env",
        "recording.wav",
        "dashboard/__pycache__/app.cpython-313.pyc",
        "genrescope.egg-info/PKG-INFO",
        "compose.yaml",
    ],
)
def test_what_does_not_belong_into_the_image_stays_out(path: str) -> None:
    assert not sent(ignore_patterns(), path)


def test_what_the_program_needs_gets_in() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    needed = [
        path
        for path in tracked.split("\0")
        if path.startswith(("assets/", "dashboard/", "model/", "stream/", "sample_audio/", "requirements/"))
        or path in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
    ]
    assert len(needed) > 100
    assert [path for path in needed if not sent(ignore_patterns(), path)] == []


# ---- docker compose ------------------------------------------------------------------------------------------------


def test_compose_plays_the_mix_with_its_sound_in_the_browser() -> None:
    service = compose()["services"]["genrescope"]
    command = service["command"]
    assert command[:2] == ["play", "sample_audio/mix.wav"]
    assert {"--loop", "--no-browser"} <= set(command)
    assert command[command.index("--speaker") + 1] == "none", "so that the browser plays it"
    assert command[command.index("--host") + 1] == "0.0.0.0", "so that a password is demanded"
    assert (PROJECT / command[1]).is_file()


def test_compose_opens_it_to_this_machine_only_and_lets_it_do_little() -> None:
    service = compose()["services"]["genrescope"]
    assert service["ports"] == ["127.0.0.1:8050:8050"]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"] and service["init"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    (temporary,) = service["tmpfs"]
    assert temporary.startswith("/tmp:") and {"noexec", "nosuid", "nodev", "mode=1777"} <= set(temporary.split(",")[1:])
    assert service["pids_limit"] and service["mem_limit"]
    assert not {"privileged", "network_mode", "pid", "cap_add", "user", "devices"} & set(service)


def test_compose_has_no_field_that_compose_does_not_know() -> None:
    about_the_image = {"build", "image", "command", "environment", "healthcheck"}
    about_the_host = {"ports", "volumes", "secrets", "tmpfs", "restart", "stop_grace_period"}
    about_limits = {"init", "read_only", "cap_drop", "security_opt", "pids_limit", "mem_limit"}
    assert set(compose()) <= {"name", "services", "volumes", "secrets"}
    assert set(compose()["services"]["genrescope"]) <= about_the_image | about_the_host | about_limits


# ---- the steps, carried out ----------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Kitchen:
    """A folder that stands for the file system of the image that is being built."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.installed = folder / "apt-get.log"
        self.users = folder / "useradd.log"
        self._stand_in("apt-get", self.installed)
        self._stand_in("useradd", self.users)
        (self.programs / "python").symlink_to(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
        self.workdir = folder
        self.environment: dict[str, str] = {}

    def _stand_in(self, name: str, log: Path) -> None:
        """What changes the whole system is only noted down."""
        program = self.programs / name
        program.write_text(f'#!/bin/sh\necho "$@" >>{shlex.quote(str(log))}\n')
        program.chmod(0o755)

    def inside(self, text: str) -> str:
        """The paths of the image, as they are in the folder."""
        return re.sub(r"(?<![\w./])/(?=(opt|var)\b)", f"{self.root}/", text)

    def take(self, step: Step) -> None:
        """Carry out one step; those that only say something about the image do nothing here."""
        if step.name == "WORKDIR":
            self.workdir = Path(self.inside(step.text))
            self.workdir.mkdir(parents=True, exist_ok=True)
        elif step.name == "ENV":
            pairs = (pair.partition("=") for pair in shlex.split(step.text))
            self.environment |= {name: self.inside(value) for name, _, value in pairs}
        elif step.name == "COPY" and not step.text.startswith("--from"):
            self._copy(*step.words)
        elif step.name == "RUN":
            command = ["/bin/sh", "-ec", self.inside(step.text)]
            done = subprocess.run(command, cwd=self.workdir, env=self.variables(), capture_output=True, text=True)
            assert done.returncode == 0, f"{step.text}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"

    def variables(self) -> dict[str, str]:
        """The environment of what runs inside."""
        # Where packages come from is the machine's business, not the recipe's.
        kept = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or "proxy" in name.lower()}
        path = f"{self.programs}:/usr/local/bin:/usr/bin:/bin"
        own = {name: value.replace("$PATH", path) for name, value in self.environment.items()}
        return {"HOME": str(self.root), "PATH": path, **kept, **own}

    def _copy(self, source: str, target: str) -> None:
        patterns = ignore_patterns()
        tracked = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", source],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for path in filter(None, tracked.split("\0")):
            if sent(patterns, path) and (PROJECT / path).is_file():
                place = self.workdir / target / path
                if source != ".":
                    place = self.workdir / target / Path(path).relative_to(source)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(PROJECT / path, place)


def pinned(versions: Path) -> dict[str, str]:
    """The versions that this list names, for this Python and machine."""
    wanted: dict[str, str] = {}
    for line in versions.read_text().splitlines():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            wanted[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return wanted


def link(distribution: Distribution, site: Path) -> None:
    """Put a package that is installed here into another environment, without copying it."""
    for file in distribution.files or ():
        origin = Path(str(distribution.locate_file(file)))
        if file.parts[0] in ("..", "__pycache__") or file.suffix == ".pyc" or not origin.is_file():
            continue
        # A folder of its own is linked as a whole; what several packages share (google/) file by file.
        target = site / file
        if not target.exists() and not any((site / parent).is_symlink() for parent in file.parents):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(origin)


def stock(site: Path, wanted: Mapping[str, str]) -> None:
    """Lay in packages of these versions, those that are here, so that pip finds them and need not fetch them."""
    site.mkdir(parents=True, exist_ok=True)
    for distribution in distributions():
        name = canonicalize_name(distribution.metadata["Name"])
        if wanted.get(name) == distribution.version:
            link(distribution, site)


@pytest.fixture
def kitchen() -> Iterator[Kitchen]:
    # Not pytest's own folder: others than its owner may not enter that one.
    folder = Path(tempfile.mkdtemp(prefix="genrescope-image-"))
    folder.chmod(0o755)
    yield Kitchen(folder)
    shutil.rmtree(folder, ignore_errors=True)


def as_somebody_else() -> list[str]:
    """What makes root somebody who may write nowhere; others are that already."""
    if os.geteuid() != 0:
        return []
    user = last("USER").text.partition(":")[0]
    # Reading is left: the Python of this machine may lie where only root may look.
    only = "-all,+dac_read_search"
    setpriv = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"]
    return [*setpriv, f"--inh-caps={only}", f"--bounding-set={only}", "--ambient-caps=+dac_read_search"]


def ask(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20.0) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@dataclass
class Service:
    """What the image starts, running."""

    process: subprocess.Popen[str]
    port: int
    log: Path

    def until_healthy(self, kitchen: Kitchen) -> None:
        command = [word.replace("8050", str(self.port)) for word in health_command()]
        end = time.monotonic() + PATIENCE_SECONDS
        while subprocess.run(command, env=kitchen.variables(), capture_output=True, check=False).returncode != 0:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, f"it did not become healthy: {self.log.read_text()}"
            time.sleep(0.2)

    def token(self) -> str:
        found = re.search(r"\?token=([\w-]+)", self.log.read_text())
        assert found, self.log.read_text()
        return found[1]

    def end(self) -> int:
        self.process.send_signal(signal.Signals[last("STOPSIGNAL").text])
        return self.process.wait(timeout=20.0)


def started(kitchen: Kitchen, arguments: Sequence[str], temporary: Path) -> Service:
    """Start what the image starts, as its user, on a free port."""
    port = free_port()
    command = [*last("ENTRYPOINT").words, *(word for word in arguments)]
    command = [str(port) if word == "8050" else word for word in command]
    command += [] if "--port" in command else ["--port", str(port)]
    log = kitchen.root / f"{temporary.name}.log"
    environment = kitchen.variables() | {"HOME": str(temporary), "TMPDIR": str(temporary)}
    with log.open("w") as out:
        process = subprocess.Popen(
            [*as_somebody_else(), *command],
            cwd=kitchen.workdir,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return Service(process, port, log)


def test_the_steps_of_the_recipe_make_a_service_that_answers_and_ends_well(kitchen: Kitchen) -> None:
    wanted = pinned(PROJECT / "requirements/live-cpu.txt")
    assert "yt-dlp" in wanted, "links are listened to in the container, too"
    site = kitchen.root / "opt/venv/lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    stock(site, wanted)
    for step in [*BUILD, *FINAL]:
        kitchen.take(step)
    assert "install --yes --no-install-recommends ffmpeg" in kitchen.installed.read_text()
    assert f"--uid {last('USER').text.partition(':')[0]} " in kitchen.users.read_text()
    assert not (site / "pip").exists() and not (kitchen.workdir / "tests").exists()
    if os.geteuid() != 0:
        subprocess.run(["chmod", "-R", "a-w", str(kitchen.root / "opt")], check=True)

    for number, arguments in enumerate((last("CMD").words, compose()["services"]["genrescope"]["command"])):
        temporary = kitchen.root / f"tmp-{number}"
        temporary.mkdir(mode=0o1777)
        temporary.chmod(0o1777)
        service = started(kitchen, arguments, temporary)
        try:
            service.until_healthy(kitchen)
            page = f"http://127.0.0.1:{service.port}/"
            assert ask(page) == 401
            assert ask(f"{page}?token={service.token()}") == 200
            assert ask(f"{page}api/v1/sessions", Authorization=f"Bearer {service.token()}") == 200
            assert service.end() == 0, service.log.read_text()
        finally:
            service.process.kill()
            service.process.wait()
        assert "Traceback" not in service.log.read_text()
        assert list(temporary.glob("genrescope*")) == [], "nothing of what was sent or kept is left behind"


# ---- with docker itself --------------------------------------------------------------------------------------------


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(["docker", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, done.stderr[-4000:]
    return done.stdout.strip()


def has_daemon() -> bool:
    return shutil.which("docker") is not None and bool(docker("info", "--format", "{{.ServerVersion}}", check=False))


@pytest.mark.timeout(1800)
@pytest.mark.skipif(not has_daemon(), reason="no docker daemon answers: the recipe's steps are run without it above")
def test_docker_builds_the_image_and_runs_it_as_compose_would() -> None:
    docker("build", "--tag", IMAGE, ".")
    assert docker("inspect", "--format", "{{.Config.User}}", IMAGE) == last("USER").text
    service = compose()["services"]["genrescope"]
    port = free_port()
    confined = ["--read-only", "--init", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"]
    container = docker(
        "run",
        "--detach",
        *confined,
        "--tmpfs",
        service["tmpfs"][0],
        "--publish",
        f"127.0.0.1:{port}:8050",
        IMAGE,
        *service["command"],
    )
    try:
        end = time.monotonic() + PATIENCE_SECONDS
        while docker("inspect", "--format", "{{.State.Health.Status}}", container) != "healthy":
            assert time.monotonic() < end, docker("logs", container)
            time.sleep(1.0)
        log = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
        token = re.search(r"\?token=([\w-]+)", log.stdout + log.stderr)
        assert token
        assert ask(f"http://127.0.0.1:{port}/") == 401
        assert ask(f"http://127.0.0.1:{port}/?token={token[1]}") == 200
        docker("stop", "--time", "20", container)
        assert docker("inspect", "--format", "{{.State.ExitCode}}", container) == "0"
    finally:
        docker("rm", "--force", container, check=False)
