"""What surrounds a command: the variables as they hold, and the name it was called by."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from gateway.config.errors import ConfigError


def environment(options: Mapping[str, str | None], env: Mapping[str, str], file: Path) -> dict[str, str]:
    """The variables as they hold: those in `file`, over them `env`, over them `options`.

    Raises:
        ConfigError: `file` is there but cannot be read.
    """
    try:
        # A key is taken as it stands: what looks like ${…} in it is no reference.
        written = dotenv_values(file, interpolate=False) if file.is_file() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read as UTF-8 text") from error
    return {
        name: value for name, value in (*written.items(), *env.items(), *options.items()) if value is not None
    }


def program() -> str:
    """How the operator calls this program, for commands that can be pasted."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return "python3 -m gateway"
    return called.name if shutil.which(called.name) else str(called)
