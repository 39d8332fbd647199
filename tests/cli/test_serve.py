"""`gateway serve`, until it serves."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway import cli
from gateway.cli.environment import environment, program
from gateway.config.errors import ConfigError
from gateway.config.schema import GatewayConfig
from tests import logging_state

PLANTED = "sk-ant-REDACTED"


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A directory and an environment with nothing in them, and logging as it was afterwards."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if re.match("SERVER_|LOG_|GATEWAY_|.*API_KEY|.*BASE_URL", name)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GATEWAY_STATE_DIR", str(tmp_path / "state"))
    with logging_state.put_back():
        yield monkeypatch


def test_options_win_over_the_environment_and_both_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text('# keys\nexport A=file\nB="file"\nC=file # mine\nD=${A}x\nE\n')
    env = environment({"A": "option", "B": None}, {"A": "env", "B": "env"}, file)
    assert env == {"A": "option", "B": "env", "C": "file", "D": "${A}x"}


def test_an_empty_variable_of_the_environment_switches_off_what_the_file_says(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("OPENAI_API_KEY=key\n")
    assert environment({}, {"OPENAI_API_KEY": ""}, file)["OPENAI_API_KEY"] == ""


def test_without_a_file_the_environment_is_all(tmp_path: Path) -> None:
    assert environment({}, {"A": "env"}, tmp_path / ".env") == {"A": "env"}


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"A=\xff\xfe")
    with pytest.raises(ConfigError, match=r"\.env: cannot be read"):
        environment({}, {}, file)


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("/nowhere/at/all/gateway-unheard-of", "/nowhere/at/all/gateway-unheard-of"),
        ("/opt/gateway/__main__.py", "python3 -m gateway"),
        ("/usr/bin/env", "env"),
    ],
)
def test_commands_name_the_program_as_it_can_be_called(
    monkeypatch: pytest.MonkeyPatch, called: str, name: str
) -> None:
    monkeypatch.setattr(sys, "argv", [called])
    assert program() == name


@pytest.mark.parametrize(
    ("arguments", "env", "word"),
    [
        (["serve", "--port", "http"], {}, "SERVER_PORT"),
        (["serve", "--workers", "0"], {}, "SERVER_WORKERS (--workers): a whole number from 1 to 64"),
        (["serve", "--log-level", "loud"], {}, "LOG_LEVEL"),
        (["serve", "--host", "0.0.0.0"], {}, "API_KEY=$(openssl rand -hex 32)"),  # noqa: S104 - refused
        (["serve"], {"OPENAI_BASE_URL": f"https://{PLANTED}@example.com"}, "OPENAI_BASE_URL"),
        ([], {"API_KEY": "changeme"}, "API_KEY: this is an example key"),
    ],
)
def test_a_refusal_is_one_line_and_code_2(
    alone: pytest.MonkeyPatch, arguments: list[str], env: dict[str, str], word: str
) -> None:
    for name, value in env.items():
        alone.setenv(name, value)
    ended = CliRunner().invoke(cli.app, arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("gateway: ")
    assert ended.stderr.count("\n") == 1
    assert word in ended.stderr
    assert PLANTED not in ended.stderr


def test_a_port_that_is_taken_is_said_in_one_line(alone: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ended = CliRunner().invoke(cli.app, ["serve", "--port", port])
    assert ended.exit_code == 2
    assert ended.stderr.startswith(f"gateway: cannot listen on 127.0.0.1:{port}: ")
    assert ended.stderr.count("\n") == 1


def test_a_host_without_an_address_is_said_in_one_line(alone: pytest.MonkeyPatch) -> None:
    alone.setenv("API_KEY", PLANTED)
    ended = CliRunner().invoke(cli.app, ["serve", "--host", "nowhere.invalid"])
    assert ended.exit_code == 2
    assert ended.stderr == (
        "gateway: cannot listen on nowhere.invalid:3000: no such address; "
        "choose another with SERVER_HOST and SERVER_PORT\n"
    )


def test_once_it_is_ready_the_operator_is_told_and_later_failures_are_not_mistaken(
    alone: pytest.MonkeyPatch,
) -> None:
    def fail_later(config: GatewayConfig, on_ready: Callable[[], None], _folder: Path) -> None:
        on_ready()
        raise OSError(f"a disk failed under {config.server.host}")

    alone.setattr("gateway.app.serve", fail_later)
    ended = CliRunner().invoke(cli.app, ["serve", "--port", "3999"])
    assert ended.stderr.startswith("Gateway ready on http://127.0.0.1:3999\n")
    assert isinstance(ended.exception, OSError)
    assert ended.exit_code == 1


def test_the_file_beside_the_operator_is_read(alone: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("SERVER_PORT=from-the-file\n")
    assert "SERVER_PORT" in CliRunner().invoke(cli.app, ["serve"]).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["-config", "c.yaml"],
        ["--config", "c.yaml"],
        ["-config=c.yaml"],
        ["serve", "-config", "c.yaml"],
        ["serve", "--config=c.yaml"],
        ["-config", "c.yaml", "serve"],
        ["-config", "other.yaml", "serve", "-config", "c.yaml"],
    ],
)
def test_the_file_is_named_by_either_option_before_or_behind_the_command(
    alone: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    Path("c.yaml").write_text("pools: {groq: [{uuid: of-the-file, api_key: '${KEY_9A}'}]}\n")
    Path(".env").write_text(f"KEY_9A={PLANTED}\nSERVER_PORT=1\n")
    alone.setattr("gateway.app.serve", lambda config, *_: print([m.id for m in config.deployments]))  # noqa: T201
    ended = CliRunner().invoke(cli.app, arguments)
    assert (ended.stdout, ended.exit_code) == ("['of-the-file']\n", 0)


def test_the_environment_can_name_the_file_and_options_win_over_it(alone: pytest.MonkeyPatch) -> None:
    Path("c.yaml").write_text("server: {port: 4000}\npools: {demo: [{}]}\n")
    alone.setenv("GATEWAY_CONFIG", "c.yaml")
    alone.setattr("gateway.app.serve", lambda config, *_: print(config.server.port))  # noqa: T201
    assert CliRunner().invoke(cli.app, []).stdout == "4000\n"
    assert CliRunner().invoke(cli.app, ["serve", "--port", "4001"]).stdout == "4001\n"


def test_no_file_is_picked_up_by_itself(alone: pytest.MonkeyPatch) -> None:
    Path("configs").mkdir()
    for name in ("config.yaml", "configs/config.yaml", "gateway.yaml"):
        Path(name).write_text("{")
    alone.setattr("gateway.app.serve", lambda config, *_: print(config.default_pool))  # noqa: T201
    assert CliRunner().invoke(cli.app, []).stdout == "demo\n"


def test_pools_with_nothing_switched_on_and_keys_that_everybody_may_read_are_warned_of(
    alone: pytest.MonkeyPatch,
) -> None:
    Path("keys.txt").write_text(f"{PLANTED}\n")
    Path("keys.txt").chmod(0o644)
    Path("c.yaml").write_text("pools: {demo: [{}], groq: [{enabled: false}], xai: [{keys_file: keys.txt}]}\n")
    alone.setattr("gateway.app.serve", lambda *_: None)
    ended = CliRunner().invoke(cli.app, ["-config", "c.yaml"])
    assert re.search("pool_without_deployments.*groq", ended.stdout)
    assert re.search("keys_that_everybody_may_read.*keys.txt", ended.stdout)
    assert PLANTED not in ended.output


@pytest.mark.slow
def test_a_started_gateway_tells_the_operator_and_keeps_its_output_for_records(tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with subprocess.Popen(
        [sys.executable, "-m", "gateway"],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": root,
            "SERVER_PORT": port,
            "OPENAI_API_KEY": PLANTED,
            "GATEWAY_STATE_DIR": str(tmp_path / "state"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stderr is not None
        assert child.stdout is not None
        first = child.stderr.readline()
        child.kill()
        rest, records = child.stderr.read(), child.stdout.read()
    assert first == f"Gateway ready on http://127.0.0.1:{port}\n"
    assert PLANTED not in rest + records
    assert "ANTHROPIC_BASE_URL" in rest
    assert "ANTHROPIC_BASE_URL" not in records
