"""The image: linted, and its steps performed in clean folders, since no engine is needed to know that they
work.
"""

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway import __version__
from tests.gateways import free_port
from tests.image.dockerfile import Container, Stage, let_in, stages

ROOT = Path(__file__).parents[2]
KEY = "a-key-of-the-client-9f4c"
ZONED = "pools: {demo: [{limits: {quotas: [{requests: 3, reset: Asia/Shanghai}]}}]}\n"
LOCKS = ("requirements.lock", ".ci/requirements-build.lock")

BUILD, FINAL = stages((ROOT / "Dockerfile").read_text())


def test_the_linter_has_nothing_to_say() -> None:
    found = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip("hadolint is not installed: the Dockerfile is not linted")
    said = subprocess.run(  # noqa: S603 - the linter
        [found, str(ROOT / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert (said.stdout, said.returncode) == ("", 0)


def test_it_runs_as_nobody_in_particular_and_says_what_it_is() -> None:
    assert FINAL.last("USER").rest == "10001:10001"
    assert FINAL.last("ENTRYPOINT").command + FINAL.last("CMD").command == ["gateway", "serve"]
    assert FINAL.last("HEALTHCHECK").command == ["gateway", "healthcheck"]
    labels = FINAL.last("LABEL").rest
    for label in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}=" in labels
    assert f"VERSION={__version__}" in [step.rest for step in FINAL.steps if step.word == "ARG"]


def test_both_stages_have_the_same_base_pinned_by_its_tag() -> None:
    assert BUILD.base == FINAL.base
    assert re.fullmatch(r"python:3\.\d+-slim(@sha256:[0-9a-f]{64})?", FINAL.base)
    assert f'base.name="docker.io/library/{FINAL.base}"' in FINAL.last("LABEL").rest


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_its_hashes_and_no_index_is_named(name: str) -> None:
    text = (ROOT / name).read_text()
    pins = re.findall(r"^(?!#)\S.*(?:\n .*)*", text, re.MULTILINE)
    assert len(pins) > 5
    assert [pin.split()[0] for pin in pins if "--hash=sha256:" not in pin or "==" not in pin] == []
    assert not re.search(r"://|--index|--find-links|--trusted-host", text)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {"requirements.lock": project["project"]["dependencies"]}
    asked[".ci/requirements-build.lock"] = project["build-system"]["requires"]
    for name, requirements in asked.items():
        pins = dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))
        wanted = [Requirement(text) for text in requirements]
        stale = [str(r) for r in wanted if not r.specifier.contains(pins.get(canonicalize_name(r.name), "0"))]
        assert stale == [], f"make {name} again, as its first lines say"


def test_nothing_goes_to_the_builder_but_what_is_copied(tmp_path: Path) -> None:
    for name in (".env", "notes.md", ".git/config", "configs/key.txt", "gateway/a.py", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "gateway/__pycache__").mkdir()
    (tmp_path / "gateway/__pycache__/a.pyc").touch()
    ignore = (ROOT / ".dockerignore").read_text()
    assert [str(path) for path in let_in(tmp_path, ignore)] == ["gateway/a.py", "pyproject.toml"]


@pytest.mark.slow
def test_its_steps_make_a_gateway_that_serves_and_is_healthy() -> None:
    # Not below pytest's own folder: the paths of scripts have to stay below the kernel's limit of 127 signs.
    with tempfile.TemporaryDirectory(prefix="image-") as place:
        _skip_without_an_index(Path(place))
        image = _built(Path(place))
        before = _written(image.root)

        assert _ended(image, "--version").stdout.strip() == __version__
        exposed = _ended(image, *FINAL.last("CMD").command)
        assert exposed.returncode == 2
        assert "API_KEY" in exposed.stderr

        # The base has no files of time zones: none of this machine may stand in for them.
        (Path(place) / "zoned.yaml").write_text(ZONED)
        image.env["PYTHONTZPATH"] = ""
        zoned = _ended(image, "check", "--offline", "-config", str(Path(place) / "zoned.yaml"))
        assert (zoned.stderr, zoned.returncode) == ("", 0)

        # What it remembers goes to the volume, if there is one.
        assert image.env["GATEWAY_STATE_DIR"] == str(image.inside("/opt/state"))
        volume = Path(place) / "volume"
        image.env |= {"API_KEY": KEY, "SERVER_PORT": str(free_port()), "GATEWAY_STATE_DIR": str(volume)}
        with _serving(image) as server:
            assert _health(image) == 0
            assert _status(image, None) == 401
            assert _status(image, KEY) == 200
            server.send_signal(signal.SIGTERM)
            assert server.wait(30) == 0
        assert _health(image) == 1

        # A read-only root is enough: nothing else was written while it ran.
        assert _written(image.root) == before
        assert (volume / "state.sqlite3").is_file()
        assert not list(image.inside("/opt").rglob("pip"))


def _built(place: Path) -> Container:
    """Both stages, the second where the first has been."""
    ignore = (ROOT / ".dockerignore").read_text()
    context = place / "context"
    for file in let_in(ROOT, ignore):
        (context / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / file, context / file)
    sources = {"": context}
    container = Container(place / "root", {})
    for stage in (BUILD, FINAL):
        container = Container(place / "root", _base(place, stage))
        for step in stage.steps:
            container.perform(step, sources)
        if stage.name:
            sources[stage.name] = container.root.rename(place / stage.name)
    return container


def _base(place: Path, stage: Stage) -> dict[str, str]:
    """What a stage starts with: the Python of its base where that is installed, and the way to packages."""
    wanted = shutil.which(stage.base.partition("-")[0].replace("python:", "python")) or sys.executable
    works = subprocess.run([wanted, "-c", ""], capture_output=True, check=False).returncode == 0  # noqa: S603
    python = wanted if works else sys.executable
    commands = place / "bin"
    commands.mkdir(exist_ok=True)
    (commands / "python").write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
    (commands / "python").chmod(0o755)
    passed = re.compile(r"(?i)pip_.*|ssl_.*|.*_proxy|home|tmpdir")
    env = {name: value for name, value in os.environ.items() if passed.fullmatch(name)}
    return {**env, "PATH": f"{commands}{os.pathsep}{os.defpath}"}


def _skip_without_an_index(place: Path) -> None:
    asked = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "hatchling"]
    if subprocess.run(asked, cwd=place, capture_output=True, check=False).returncode != 0:  # noqa: S603
        pytest.skip("no package index can be reached: THE IMAGE'S STEPS WERE NOT PERFORMED")


def _written(root: Path) -> dict[str, float]:
    return {str(path): path.lstat().st_mtime for path in root.rglob("*")}


def _ended(image: Container, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [*FINAL.last("ENTRYPOINT").command, *words]
    return subprocess.run(  # noqa: S603 - the image's own command
        command, cwd=image.inside("."), env=image.env, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def _serving(image: Container) -> "Iterator[subprocess.Popen[bytes]]":
    command = [*FINAL.last("ENTRYPOINT").command, *FINAL.last("CMD").command]
    with subprocess.Popen(  # noqa: S603 - the image's own command
        command,
        cwd=image.inside("."),
        env=image.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as server:
        assert server.stderr is not None
        try:
            assert b"ready" in server.stderr.readline()
            yield server
        finally:
            server.kill()


def _health(image: Container) -> int:
    return _ended(image, *FINAL.last("HEALTHCHECK").command[1:]).returncode


def _status(image: Container, key: str | None) -> int:
    headers = {"content-type": "application/json"} | ({"x-api-key": key} if key else {})
    connection = http.client.HTTPConnection("127.0.0.1", int(image.env["SERVER_PORT"]), timeout=10)
    body = b'{"model": "demo", "messages": [{"role": "user", "content": "hello"}]}'
    connection.request("POST", "/v1/chat/completions", body, headers)
    try:
        return connection.getresponse().status
    finally:
        connection.close()
