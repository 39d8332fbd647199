"""Bodies that no honest client sends: no JSON, JSON that nobody should accept, shapes that fit nothing."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import brotli  # type: ignore[import-untyped] # it has no types
import orjson
from backports import zstd

from tests.hostile.cases import BODY_LIMIT, Case, post
from tests.hostile.dialects import DIALECTS, Dialect

_REFUSED = frozenset({400})
_TAKEN = frozenset({200})
_EITHER = frozenset({200, 400})

NO_JSON: Mapping[str, bytes] = {
    "nothing": b"",
    "white space": b" \r\n\t ",
    "an open brace": b"{",
    "a list": b"[]",
    "null": b"null",
    "a string": b'"marked-by-the-attacker"',
    "a number": b"1",
    "true": b"true",
    "the wrong bracket": b'{"messages":[}',
    "a trailing comma": b'{"messages":[],}',
    "single quotes": b"{'messages':[]}",
    "names without quotes": b"{messages:[]}",
    "a comment": b'{"messages":[]/*marked-by-the-attacker*/}',
    "a missing value": b'{"messages":}',
    "an open string": b'{"messages":"marked-by-the-attacker',
    "two documents": b'{"messages":[]}{"messages":[]}',
    "a line feed in a string": b'{"messages":"a\nb"}',
    "NUL": b'{"messages":[]}\x00',
    "NaN": b'{"messages":[],"temperature":NaN}',
    "NaN beside a surrogate": b'{"messages":["\\ud800"],"temperature":NaN}',
    "Infinity": b'{"messages":[],"temperature":-Infinity}',
    "a number over all beside a surrogate": b'{"messages":["\\ud800"],"temperature":1e999}',
    "no UTF-8": b'{"messages":"\xff\xfe"}',
    "an overlong slash": b'{"messages":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"messages":"\xed\xa0\x80"}',
    "UTF-16": '{"messages":[]}'.encode("utf-16"),
    "a byte-order mark": b'\xef\xbb\xbf{"messages":[]}',
    "a bad escape": b'{"messages":"\\x41"}',
    "65 levels": b'{"a":' + b"[" * 65 + b"]" * 65 + b"}",
    "90,000 levels": b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}",
    "90,000 levels that stay open": b'{"a":' + b"[" * 90_000,
    "90,000 levels beside a surrogate": b'{"b":"\\ud800","a":' + b"[" * 90_000 + b"]" * 90_000 + b"}",
    "5,000 digits beside a surrogate": b'{"b":"\\ud800","a":' + b"9" * 5_000 + b"}",
    "a form": b"messages=%5B%5D&model=marked-by-the-attacker",
    "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>',
    "multipart": b'--x\r\nContent-Disposition: form-data; name="f"\r\n\r\nmarked-by-the-attacker\r\n--x--',
}

ODD_BUT_JSON: Mapping[str, bytes] = {
    "a lone surrogate": b'"\\ud800"',
    "surrogates the wrong way round": b'"\\udc00\\ud800"',
    "separators of lines": '"\u2028\u2029\u0085"'.encode(),
    "an escaped NUL": b'"\\u0000"',
    "60 levels": b"[" * 60 + b"]" * 60,
    "a number of 300 digits": b"9" * 300,
    "a number near the end": b"1.7976931348623157e308",
    "a number near nothing": b"1e-400",
    "one name twice": b'{"x":1,"x":2}',
    "a name of a prototype": b'{"__proto__":{"admin":true},"constructor":{}}',
    "an empty name": b'{"":0}',
}
"""Values of a field that nobody knows: none may do any harm."""

WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    0.5,
    2**70,
    "",
    "marked",
    [],
    {},
    [None],
    [[]],
    [{}],
    [{"type": "marked"}],
    {"type": 7},
    {"type": "marked", "parts": 1},
)


def _bomb(encode: Callable[[bytes], bytes]) -> bytes:
    return encode(b'{"model":"' + b"a" * 20_000_000)


def _raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(wbits=-15)
    return squeezer.compress(data) + squeezer.flush()


BOMBS: Mapping[str, tuple[str, bytes]] = {
    "gzip": ("gzip", _bomb(gzip.compress)),
    "deflate": ("deflate", _bomb(zlib.compress)),
    "raw deflate": ("deflate", _bomb(_raw_deflate)),
    "br": ("br", _bomb(brotli.compress)),
    "zstd": ("zstd", _bomb(zstd.compress)),
}


def json_cases() -> Iterator[Case]:
    """Group json, for every protocol."""
    for dialect in DIALECTS.values():
        path, whole = dialect.said_to(dialect.foreign)
        for name, body in NO_JSON.items():
            yield Case("json", f"{name}, {dialect.name}", (post(path, body),), _REFUSED, dialect.name)
        for name, value in ODD_BUT_JSON.items():
            body = orjson.dumps(whole)[:-1] + b',"x-unknown":' + value + b"}"
            yield Case("json", f"{name}, {dialect.name}", (post(path, body),), _TAKEN, dialect.name)
        if "model" in whole:
            twice = orjson.dumps(whole)[:-1] + b',"model":"gpt-other"}'
            hidden = b'{"m\\u006fdel":"gpt-other",' + orjson.dumps(whole)[1:]
            yield Case("json", f"two models, {dialect.name}", (post(path, twice),), _REFUSED, dialect.name)
            yield Case(
                "json", f"a hidden model, {dialect.name}", (post(path, hidden),), _REFUSED, dialect.name
            )


def shape_cases() -> Iterator[Case]:
    """Group shape: every field of a whole body, and every field of its first message, with values that fit
    nothing.
    """
    for dialect in DIALECTS.values():
        path, whole = dialect.said_to(dialect.foreign)
        for field in whole:
            for number, value in enumerate(WRONG):
                said = post(path, orjson.dumps(_with(whole, field, value)))
                name = f"{field} wrong {number}, {dialect.name}"
                yield Case("shape", name, (said,), _allowed(field, value), dialect.name)
        yield from _message_cases(dialect)


def _with(whole: Mapping[str, Any], field: str, value: Any) -> dict[str, Any]:
    # What orjson cannot write is spelled as a float, which is what it would be read as.
    return {**whole, field: float(value) if value == 2**70 else value}


def _allowed(field: str, value: Any) -> frozenset[int]:
    """A model of the wrong name is nobody's; all else is either wrong or harmless."""
    return frozenset({400, 404, 200}) if field == "model" and isinstance(value, str) and value else _EITHER


def _message_cases(dialect: Dialect) -> Iterator[Case]:
    path, whole = dialect.said_to(dialect.foreign)
    listing = "contents" if dialect.name == "gemini" else "messages"
    for place, message in enumerate(whole[listing]):
        for field in message:
            for number, value in enumerate(WRONG):
                messages = list(whole[listing])
                messages[place] = _with(message, field, value)
                said = post(path, orjson.dumps({**whole, listing: messages}))
                name = f"{listing}[{place}].{field} wrong {number}, {dialect.name}"
                yield Case("shape", name, (said,), _EITHER, dialect.name)


def size_cases() -> Iterator[Case]:
    """Group size: what is larger than it may be, in every way of being large."""
    large = frozenset({413})
    for dialect in DIALECTS.values():
        path, whole = dialect.said_to(dialect.foreign)
        over = orjson.dumps({**whole, "x": "a" * BODY_LIMIT})
        head = post(path, b"", "Transfer-Encoding: chunked").replace(b"Content-Length: 0\r\n", b"")
        chunks = b"".join(b"%x\r\n%b\r\n" % (1000, over[at : at + 1000]) for at in range(0, 205_000, 1000))
        announced = post(path, b"").replace(b"Content-Length: 0", b"Content-Length: 10737418240")
        for name, pieces in {
            "announced": (announced,),
            "announced and waited for": (
                announced.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"),
            ),
            "sent": (post(path, over),),
            "sent in chunks": (head, chunks),
            **{
                f"a {name} bomb": (post(path, bomb, f"Content-Encoding: {coding}"),)
                for name, (coding, bomb) in BOMBS.items()
            },
        }.items():
            yield Case("size", f"{name}, {dialect.name}", pieces, large, dialect.name)
        yield Case(
            "size",
            f"200,000 containers, {dialect.name}",
            (post(path, b'{"model":"gpt-test","x":[' + b"[]," * 66_000 + b"0]}"),),
            _EITHER,
            dialect.name,
        )
