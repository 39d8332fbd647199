"""Files of keys: one a line, and each of them a deployment."""

import stat
from pathlib import Path

from pydantic import SecretStr

from gateway.config.checks import checked_key

_LARGEST = 4 * 1024 * 1024
_COMMENT = "#"


def keys_in(file: Path) -> tuple[SecretStr, ...]:
    """The keys in `file`, each once; empty lines and those that begin with # count for nothing.

    Raises:
        ValueError: there is none, or a line is none; says which line and never what is in it.
    """
    keys = dict[str, None]()
    for number, line in enumerate(_text(file).splitlines(), 1):
        key = line.strip()
        if key and not key.startswith(_COMMENT):
            try:
                keys[checked_key(key)] = None
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    if not keys:
        raise ValueError("there is no key in this file; write one on each line")
    return tuple(map(SecretStr, keys))


def is_open(file: Path) -> bool:
    """Whether everybody on this machine may read `file`."""
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
    except OSError as error:
        raise ValueError(f"the file cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST:
        raise ValueError("the file is larger than any list of keys")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("the file is no UTF-8 text") from None
