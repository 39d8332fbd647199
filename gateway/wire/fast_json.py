"""JSON at the speed of orjson, tolerant where an upstream is careless, and edits that leave every other byte
alone.
"""

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

_MOST_MARKS = 1_000_000
"""Commas and opening brackets, those in strings too, in a document from a client. Three bytes that hold an
empty array become 72 in memory, so that what holds more is not even parsed.
"""

_BOM = "\ufeff"
_SEPARATORS = re.compile("[\u0085\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_WHITE = re.compile(rb"[ \t\n\r]*")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_STRUCTURE = re.compile(_STRING.pattern + rb"|[\[{\]}]", re.DOTALL)
_BACKSLASH = ord("\\")
_SCALAR = re.compile(rb"[^,\]}\s]+")

_SPELLED_OUT = re.compile(rb"\\u00[4-7]")
"""An escape that stands for a letter or an underscore: a key may hide behind it."""

_MOST_DIGITS = 4300
_INTEGER_DIGITS = 20
"""Enough for 64 bits; what has more is read as a real number, as orjson does."""

_SHORT = 4096
_FEW = 4
"""How many spellings of a key are looked at before the object is walked: a hostile body may hold thousands.
"""


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
    if len(data) > _MOST_MARKS and sum(map(data.count, (b",", b"[", b"{"))) > _MOST_MARKS:
        raise JsonError(f"more than {_MOST_MARKS} commas and brackets")
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


def find(data: bytes, key: str) -> tuple[int, int] | None:
    """Where the value of top-level `key` stands in the JSON object `data`: (start, end), None if it is not
    there.

    `data` must be a valid JSON object (parse it first) and `key` made of letters and underscores. Of a key
    that occurs twice the last one counts, as for every parser. Cheap where all keys are spelled plainly, a
    walk over the whole object where one may not be.
    """
    if _may_hide_keys(data):
        return _find_any(data, key)
    quoted = b'"%b"' % key.encode()
    at = data.rfind(quoted)
    for _ in range(_FEW):
        if at < 0:
            return None
        colon = _skip(data, at + len(quoted))
        # Behind a backslash the quote is part of a longer key.
        if data[colon : colon + 1] == b":" and data[at - 1] != _BACKSLASH and _is_top_level(data, at):
            start = _skip(data, colon + 1)
            return start, _value_end(data, start)
        at = data.rfind(quoted, 0, at)
    return _find_any(data, key)


def is_repeated(data: bytes, key: str) -> bool:
    """Whether top-level `key` occurs more than once in the JSON object `data`, however it is spelled.

    What `find` says of its arguments and of its cost holds here.
    """
    quoted = b'"%b"' % key.encode()
    if data.find(quoted) == data.rfind(quoted) and not _may_hide_keys(data):
        return False
    span = find(data, key)
    if span is None:
        return False
    closing = data.rfind(b'"', 0, data.rfind(b":", 0, span[0]))
    opening = data.rfind(b'"', 0, closing)
    return key in loads(data[:opening] + b'"":0}')


def _may_hide_keys(data: bytes) -> bool:
    """Whether a key in `data` may be spelled with escapes for its letters."""
    # The plain search is almost always enough and a tenth of the price, from behind a third of that.
    return data.rfind(b"\\u00") >= 0 and _SPELLED_OUT.search(data) is not None


def _is_top_level(data: bytes, at: int) -> bool:
    """Whether the key at `at` belongs to the outermost object: one brace then makes what stands before (or
    behind) whole.
    """
    whole = data[:at] + b'"":0}' if at * 2 < len(data) else b"{" + data[at:]
    try:
        return isinstance(orjson.loads(whole), dict)
    except orjson.JSONDecodeError:
        return False


def _find_any(data: bytes, wanted: str) -> tuple[int, int] | None:
    position = _skip(data, 0)
    found = None
    position = _skip(data, position + 1)
    while data[position : position + 1] == b'"':
        name = _match(_STRING, data, position)
        start = _skip(data, _skip(data, name) + 1)
        end = _value_end(data, start)
        if loads(data[position:name]) == wanted:
            found = (start, end)
        position = _skip(data, end)
        if data[position : position + 1] != b",":
            break
        position = _skip(data, position + 1)
    return found


def splice(data: bytes, key: str, value: JsonValue) -> bytes:
    """`data` with the value of top-level `key` replaced, or the key added in front, and every other byte as
    it was.
    """
    span = find(data, key)
    if span is not None:
        return data[: span[0]] + dumps(value) + data[span[1] :]
    start = _skip(data, 0) + 1
    comma = b"" if data[_skip(data, start) :].startswith(b"}") else b","
    return data[:start] + dumps(key) + b":" + dumps(value) + comma + data[start:]


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


def _skip(data: bytes, position: int) -> int:
    return _match(_WHITE, data, position)


def _match(pattern: re.Pattern[bytes], data: bytes, position: int) -> int:
    found = pattern.match(data, position)
    if found is None:
        raise JsonError(f"not JSON at byte {position}")
    return found.end()


def _value_end(data: bytes, start: int) -> int:
    first = data[start : start + 1]
    if first == b'"':
        return _match(_STRING, data, start)
    if first not in (b"{", b"["):
        return _match(_SCALAR, data, start)
    depth = 0
    for token in _STRUCTURE.finditer(data, start):
        kind = token[0][:1]
        if kind in (b"{", b"["):
            depth += 1
        elif kind in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                return token.end()
    raise JsonError(f"the value at byte {start} does not end")
