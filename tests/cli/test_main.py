"""The command line itself."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from gateway import __version__
from gateway.cli import app, main


def test_help_names_the_commands() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    for command in ("serve", "check", "models", "healthcheck"):
        assert command in shown.output


def test_serve_explains_its_options_by_their_variables() -> None:
    shown = CliRunner().invoke(app, ["serve", "--help"])
    assert shown.exit_code == 0
    for word in ("--host", "SERVER_HOST", "--port", "SERVER_PORT", "--workers", "--log-level", "LOG_LEVEL"):
        assert word in shown.output


def test_the_version_is_told() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.output.strip()) == (0, __version__)


def test_an_unknown_command_is_refused_with_code_2() -> None:
    assert CliRunner().invoke(app, ["dance"]).exit_code == 2


@pytest.mark.slow
def test_help_waits_for_nothing_that_only_the_server_needs() -> None:
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from gateway.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'aiohttp', 'pydantic', 'structlog', 'yaml', 'uvloop'} & sys.modules.keys()\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)\n"
    )
    ended = subprocess.run(  # noqa: S603 - the program under test
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert ended.stderr == ""
    assert ended.returncode == 0


def test_the_program_is_called_gateway_however_it_was_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/__main__.py", "serve", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "Usage: gateway serve" in capsys.readouterr().out
