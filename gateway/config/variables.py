"""Variables: their values, or those of files they name, and the settings that options and variables share."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

from gateway.config.checks import checked_host
from gateway.config.errors import ConfigError
from gateway.config.schema import MOST_WORKERS, LogLevel, ServerConfig, level_of

_LONGEST = 64 * 1024
_LEVELS: Mapping[object, LogLevel] = {level: level for level in get_args(LogLevel)}


def value_of(env: Mapping[str, str], name: str) -> str | None:
    """What `name` says, or the file that `NAME_FILE` names; empty counts as unset.

    Raises:
        ConfigError: both are set, or the file cannot be read.
    """
    value, file = env.get(name, "").strip(), env.get(f"{name}_FILE", "").strip()
    if value and file:
        raise ConfigError(f"{name}: {name}_FILE is set as well; unset one of the two")
    return (_content(f"{name}_FILE", Path(file)) if file else value) or None


def checked(check: Callable[[str], str], name: str, value: str) -> str:
    """`value` as `check` takes it.

    Raises:
        ConfigError: it does not; says `name` and why.
    """
    try:
        return check(value)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}") from error


def server_said(said: Mapping[str, str], default: ServerConfig) -> ServerConfig:
    """`default`, with the host, the port and the number of workers that `said` names.

    Raises:
        ConfigError: one of them is none.
    """
    host = said.get("SERVER_HOST", "")
    return default.model_copy(
        update={
            "host": checked(checked_host, "SERVER_HOST (--host)", host) if host else default.host,
            "port": _number(said, "SERVER_PORT", "--port", 65535) or default.port,
            "workers": _number(said, "SERVER_WORKERS", "--workers", MOST_WORKERS) or default.workers,
        }
    )


def _number(said: Mapping[str, str], name: str, option: str, most: int) -> int | None:
    value = said.get(name, "")
    if not value:
        return None
    if not re.fullmatch("[0-9]{1,5}", value) or not 1 <= int(value) <= most:
        raise ConfigError(f"{name} ({option}): a whole number from 1 to {most} is required")
    return int(value)


def level_said(said: Mapping[str, str], default: LogLevel) -> LogLevel:
    """The log level that `said` names, else `default`.

    Raises:
        ConfigError: there is none of this name.
    """
    level = _LEVELS.get(level_of(said.get("LOG_LEVEL", default)))
    if level is None:
        raise ConfigError(f"LOG_LEVEL (--log-level): one of {', '.join(get_args(LogLevel))} is required")
    return level


def _content(name: str, file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LONGEST + 1)
        if len(content) > _LONGEST:
            raise ConfigError(f"{name}: the file is larger than any value")
        return content.decode("utf-8-sig").strip()
    except OSError as error:
        raise ConfigError(f"{name}: the file cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: the file is no UTF-8 text") from error
