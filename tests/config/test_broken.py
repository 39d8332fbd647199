"""What operators are told about broken configuration files."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.config.schema import GatewayConfig
from tests import logging_state
from tests.config.broken import PLANTED, WHOLE, Broken, families
from tests.config.broken_accounts import ACCOUNTS, LIMITS
from tests.config.broken_singly import NAMES, VALUES, YAML

ALL = (*families(), *YAML, *VALUES, *NAMES, *LIMITS, *ACCOUNTS)
SCREEN = 24


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, an environment without configuration, and no server that would start."""

    def never(config: GatewayConfig, on_ready: Callable[[], None], folder: Path) -> None:
        raise AssertionError("a broken configuration was accepted")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gateway.app.serve", never)
    for name in [name for name in os.environ if re.search("^SERVER_|^LOG_|_KEY|_URL|^GATEWAY_", name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("EMPTY_9A", "")
    with logging_state.put_back():
        yield tmp_path


def told(file: str, *arguments: str) -> str:
    """What a refusal says, which always has this form."""
    ended = CliRunner().invoke(cli.app, [*arguments, "-config", file])
    assert (ended.exit_code, ended.stdout) == (2, ""), ended.exception
    assert ended.stderr.startswith("gateway: ")
    assert len(ended.stderr.splitlines()) <= SCREEN
    assert PLANTED not in ended.stderr
    return ended.stderr


def test_there_are_enough_of_them_and_each_is_told_apart() -> None:
    assert len(ALL) >= 200
    assert len({case.name for case in ALL}) == len({case.text for case in ALL}) == len(ALL)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_a_broken_file_is_answered_by_place_and_remedy_and_without_its_values(
    case: Broken, folder: Path
) -> None:
    (folder / case.file).write_text(case.text)
    assert re.search(
        rf"^(gateway: )?config\.yaml:{case.place}: .*{case.words}", told(case.file), re.MULTILINE
    )


def test_the_document_that_they_are_made_of_is_whole(folder: Path) -> None:
    (folder / "config.yaml").write_text(WHOLE)
    ended = CliRunner().invoke(cli.app, ["-config", "config.yaml"])
    assert isinstance(ended.exception, AssertionError)


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"\xff\xfes\x00e\x00r\x00", "1:1"),
        (b"server:\n  host: \xe4\xf6\n", "2:9"),
        (bytes(range(256)) * 20, "2:118"),
        (b"\x1f\x8b\x08\x00planted", r"1:\d"),
        (b"\x7fELF\x02\x01\x01\x00", r"1:1"),
        (b"\x89PNG\r\n\x1a\n", "1:1"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "2:2"),
    ],
)
def test_what_is_no_text_is_told_apart(content: bytes, place: str, folder: Path) -> None:
    (folder / "config.yaml").write_bytes(content)
    assert re.search(
        rf"^gateway: config\.yaml:{place}: (not UTF-8 text; save|a control character)", told("config.yaml")
    )


def test_a_file_larger_than_any_configuration_is_not_read(folder: Path) -> None:
    (folder / "config.yaml").write_text("# " + "x" * 2_000_000)
    assert "config.yaml:1:1: larger than" in told("config.yaml")


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(name: str, folder: Path) -> None:
    assert told(name).startswith(f"gateway: {name}: cannot be read: ")


def test_all_mistakes_are_told_at_once_in_their_order(folder: Path) -> None:
    (folder / "config.yaml").write_text(
        "server: {prot: 1, port: x}\nauth:\n  api_key: ${UNSET_9A}\npools:\n  main: [{enabled: maybe}]\n"
    )
    lines = told("config.yaml").splitlines()
    assert lines[0] == "gateway: the configuration has 4 mistakes"
    assert [line.split(": ")[:2] for line in lines[1:]] == [
        ["config.yaml:1:10", "server.prot"],
        ["config.yaml:1:25", "server.port"],
        ["config.yaml:3:12", "auth.api_key"],
        ["config.yaml:5:20", "pools.main[0].enabled"],
    ]


def test_mistakes_of_both_files_are_told_together(folder: Path) -> None:
    (folder / "config.yaml").write_text("serverr: {}\nprovider_pools_file: pools.yaml\n")
    (folder / "pools.yaml").write_text("pools:\n  groq: [{enabeld: true}]\n")
    answer = told("config.yaml")
    assert "config.yaml:1:1: serverr: unknown key; did you mean server?" in answer
    assert "pools.yaml:2:11: pools.groq[0].enabeld: unknown key; did you mean enabled?" in answer


def test_very_many_mistakes_still_fit_a_screen(folder: Path) -> None:
    entries = "".join(f"    - {{timeout: {PLANTED}, enabled: {n}x}}\n" for n in range(500))
    (folder / "config.yaml").write_text(f"pools:\n  groq:\n{entries}")
    assert re.search(r"has 1000 mistakes\n(.*\n){18}… and 982 more\n$", told("config.yaml"))


@pytest.mark.parametrize("command", ["serve", "check", "models"])
def test_every_command_tells_the_same(command: str, folder: Path) -> None:
    (folder / "config.yaml").write_text("pools: {demo: []}\n")
    assert told("config.yaml", command) == told("config.yaml")


def test_what_a_variable_holds_is_not_shown_either(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", f"https://user:{PLANTED}@example.com")
    (folder / "config.yaml").write_text("pools:\n  groq: [{base_url: '${PLACE}'}]\n")
    assert "config.yaml:2:21: pools.groq[0].base_url: a base URL holds no user" in told("config.yaml")


def test_the_file_of_a_variable_that_cannot_be_read_is_told_by_its_reference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_9A_FILE", "missing")
    (folder / "config.yaml").write_text("pools:\n  groq: [{api_key: '${KEY_9A}'}]\n")
    assert "config.yaml:2:20: pools.groq[0].api_key: KEY_9A_FILE: the file cannot be read" in told(
        "config.yaml"
    )
