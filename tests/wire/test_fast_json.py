"""JSON: fast, tolerant of upstreams, strict with clients."""

import json

import orjson
import pytest

from gateway.canonical.json import JsonValue
from gateway.wire.fast_json import (
    MAX_CONTAINERS,
    MAX_DEPTH,
    JsonError,
    dumps,
    dumps_for_line_splitters,
    loads,
    loads_strict,
    repaired,
)

LONE = b'"\\ud83d"'
DEEP = b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'{"a":1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a":1}', {"a": 1}),
        (b'"\xff"', "\ufffd"),
        (LONE, "\ufffd"),
        (b"[NaN,Infinity,-Infinity,1e999,1.5]", [None, None, None, None, 1.5]),
        (b'{"\\udc00":["\\ud800",{"a":NaN}]}', {"\ufffd": ["\ufffd", {"a": None}]}),
    ],
)
def test_what_a_careless_upstream_sends_is_read(data: bytes, value: JsonValue) -> None:
    assert loads(data) == value


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"nope", b"[" * 5000, DEEP, b"[NaN," + DEEP + b"]", b"[NaN," + b"9" * 5000 + b"]"],
    ids=["empty", "open", "word", "bomb", "deep", "deep and careless", "endless number"],
)
def test_what_no_reader_should_accept_is_refused(data: bytes) -> None:
    with pytest.raises(JsonError):
        loads(data)


def test_a_client_may_send_lone_surrogates() -> None:
    assert loads_strict(b'{"a":' + LONE + b"}") == {"a": "\ufffd"}


@pytest.mark.parametrize(
    "data",
    [
        b"NaN",
        b"[NaN," + LONE + b"]",
        b"[1e999," + LONE + b"]",
        b'"\xff"',
        b'["\xff",' + LONE + b"]",
        b"\xef\xbb\xbf{}",
        b"{",
        DEEP,
    ],
)
def test_a_client_that_sends_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(JsonError):
        loads_strict(data)


def test_a_wide_document_is_not_a_deep_one() -> None:
    wide = b"[" + b",".join([b"[]"] * 200) + b"]"
    assert loads_strict(wide) == loads(wide) == [[]] * 200


def test_a_document_may_nest_as_deep_as_the_limit() -> None:
    assert loads_strict(DEEP[1:-1]) == json.loads(DEEP[1:-1])


def test_dumping_is_compact_utf_8() -> None:
    assert dumps({"é": [1, None]}) == '{"é":[1,null]}'.encode()


def test_dumping_replaces_what_utf_8_cannot_say() -> None:
    assert dumps({"a": "\ud800é"}) == '{"a":"\ufffdé"}'.encode()


def test_integers_of_any_size_are_dumped_exactly() -> None:
    assert dumps([2**80]) == b"[%d]" % 2**80


def test_separators_are_escaped_for_clients_that_split_lines_at_them() -> None:
    encoded = dumps_for_line_splitters({"a": "\u2028\u2029\x85é"})
    assert encoded == '{"a":"\\u2028\\u2029\\u0085é"}'.encode()
    assert orjson.loads(encoded) == {"a": "\u2028\u2029\x85é"}


def test_what_every_client_can_read_is_passed_on_byte_by_byte() -> None:
    data = b' {"a" : 1.00} '
    assert repaired(data) is data


def test_what_only_a_tolerant_reader_takes_is_mended() -> None:
    assert repaired(b'\xef\xbb\xbf{"a":NaN}') == b'{"a":null}'


@pytest.mark.parametrize("item", [b"[]", b"{}", b'{"a":1}'])
def test_a_client_may_not_send_more_containers_than_can_be_understood_in_passing(item: bytes) -> None:
    def document(count: int) -> bytes:
        return b'{"x":[%b]}' % b",".join([item] * count)

    assert len(loads_strict(document(MAX_CONTAINERS - 2))["x"]) == MAX_CONTAINERS - 2
    with pytest.raises(JsonError, match="more than 100000 arrays and objects"):
        loads_strict(document(MAX_CONTAINERS - 1))


@pytest.mark.parametrize("item", [b"[]", b"0", b'""', b'{"\\ud800":0}'])
def test_what_holds_over_a_million_values_is_not_even_parsed(item: bytes) -> None:
    with pytest.raises(JsonError, match="more than 1000000 commas and brackets"):
        loads_strict(b'{"x":[%b not JSON at all' % b",".join([item] * 1_000_001))


def test_an_upstream_may_send_as_many_values_as_it_likes() -> None:
    assert len(loads(b"[%b]" % b",".join([b"[]"] * MAX_CONTAINERS))) == MAX_CONTAINERS


@pytest.mark.parametrize(
    "digits", [b"18446744073709551615", b"-9223372036854775808", b"9" * 25, b"-" + b"9" * 300]
)
def test_a_whole_number_is_read_alike_with_and_without_a_lone_surrogate(digits: bytes) -> None:
    assert loads_strict(b'{"a":%b,"b":"\\ud800"}' % digits)["a"] == loads_strict(b'{"a":%b}' % digits)["a"]


@pytest.mark.parametrize("digits", [b"9" * 400, b"9" * 5000, b"-" + b"9" * 400, b"1e999", b"NaN"])
def test_a_number_over_all_is_refused_and_not_repeated(digits: bytes) -> None:
    for text in (b'{"a":%b,"b":"\\ud800"}' % digits, b'{"a":%b}' % digits):
        with pytest.raises(JsonError) as refusal:
            loads_strict(text)
        assert len(str(refusal.value)) < 100
