"""JSON at the speed of orjson, tolerant where an upstream is careless."""

import json
import re
from collections.abc import Callable
from math import inf, isfinite
from typing import Any

import orjson

from gateway.canonical.json import JsonValue

MAX_DEPTH = 64
"""How deep a document from an upstream or a client may nest."""

MAX_CONTAINERS = 100_000
"""Arrays and objects in a document from a client: understanding each costs microseconds, in which nobody else
is served.
"""

MAX_MARKS = 1_000_000
"""Commas and opening brackets, those in strings too, in a document from a client. Three bytes that hold an
empty array become 72 in memory, so that what holds more is not even parsed.
"""

_BOM = "\ufeff"
_SEPARATORS = re.compile("[\u0085\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MOST_DIGITS = 4300
_INTEGER_DIGITS = 20
"""Enough for 64 bits; what has more is read as a real number, as orjson does."""

_SHORT = 4096


class JsonError(ValueError):
    """Not JSON, or JSON that no reader should accept (too deep, endless numbers)."""


def loads(data: bytes) -> Any:
    """Parse what an upstream sent: orjson, and where that fails a tolerant reading.

    A byte-order mark is dropped, bad UTF-8 replaced, lone surrogates become U+FFFD, NaN and Infinity null.

    Raises:
        JsonError: it is not JSON even so, or nests deeper than `MAX_DEPTH`.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        value = _tolerant(data.decode("utf-8", "replace").removeprefix(_BOM), constant=lambda _: None)
    return _handy(value, data)


def repaired(data: bytes) -> bytes:
    """`data` itself if every client can read it, else the same document without what makes `loads` tolerant.

    Raises:
        JsonError: it is not JSON even so.
    """
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        return dumps(loads(data))
    return data


def loads_strict(data: bytes) -> Any:
    """Parse what a client sent: JSON as the standard has it, but lone surrogates become U+FFFD.

    Raises:
        JsonError: it is not JSON, not UTF-8, holds NaN, nests deeper than `MAX_DEPTH`, or holds more than
            `MAX_CONTAINERS` or than a million values.
    """
    if len(data) > MAX_MARKS and sum(map(data.count, (b",", b"[", b"{"))) > MAX_MARKS:
        raise JsonError(f"more than {MAX_MARKS} commas and brackets")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if b"\\u" not in data:
            raise JsonError(str(error)) from error
        try:
            value = _tolerant(data.decode(), constant=_refuse_constant)
        except UnicodeDecodeError as bad:
            raise JsonError(f"not UTF-8: byte {bad.start}") from bad
    return _handy(value, data, MAX_CONTAINERS)


def dumps(value: JsonValue) -> bytes:
    """Compact UTF-8 JSON. Lone surrogates, which UTF-8 cannot say, become U+FFFD."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # Lone surrogates or integers over 64 bits: rare enough to pay for the standard library. Numbers
        # without end cannot be here: no reader lets them in.
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        return _SURROGATE.sub("\ufffd", text).encode()


def dumps_for_line_splitters(value: JsonValue) -> bytes:
    """The same with U+0085, U+2028 and U+2029 escaped, for clients that split lines at them."""
    data = dumps(value)
    if data.isascii():
        return data
    return _SEPARATORS.sub(lambda found: f"\\u{ord(found[0]):04x}", data.decode()).encode()


def _tolerant(text: str, *, constant: Callable[[str], None]) -> Any:
    def number(digits: str) -> float | None:
        value = float(digits)
        if isfinite(value):
            return value
        constant(digits)
        return None

    def whole(digits: str) -> float | None:
        if len(digits) > _MOST_DIGITS:
            raise ValueError(f"a number of more than {_MOST_DIGITS} digits")
        return int(digits) if len(digits) <= _INTEGER_DIGITS else number(digits)

    try:
        value = json.loads(text, parse_constant=constant, parse_float=number, parse_int=whole)
    except (ValueError, RecursionError) as error:
        raise JsonError(str(error)) from error
    _refuse_unwieldy(value)
    return _without_surrogates(value)


def _handy(value: Any, data: bytes, most: float = inf) -> Any:
    """`value`, parsed from `data`, unless it nests too deep (orjson itself allows 1,024 levels) or holds over
    `most` containers.
    """
    # Counting brackets is cheaper than the walk in a short document, and dearer in a long one.
    if len(data) > _SHORT or data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        _refuse_unwieldy(value, most)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name[:_INTEGER_DIGITS]} is not a number of JSON's")


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def _refuse_unwieldy(value: Any, most: float = inf) -> None:
    """Look for too many levels or containers; level by level, so that no document can exhaust the stack."""
    level: list[Any] = [[value]]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for node in level
            for item in (node.values() if type(node) is dict else node)
            # Parsers make no subclasses, and this is a third of the time of `isinstance`.
            if type(item) is dict or type(item) is list
        ]
        if not level:
            return
        most -= len(level)
        if most < 0:
            raise JsonError(f"more than {MAX_CONTAINERS} arrays and objects")
    raise JsonError(f"nested deeper than {MAX_DEPTH} levels")
