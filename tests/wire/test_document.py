"""A client's JSON object: skimmed, read where somebody asks, and edited one value at a time."""

import json
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.canonical.json import JsonObject, JsonValue
from gateway.wire.document import MAX_FIELDS, Document, NoObjectError
from gateway.wire.fast_json import MAX_CONTAINERS, MAX_MARKS, JsonError, dumps, loads, loads_strict

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=()), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["model", "a", 'x"model', "model\\", "é"]) | st.text(max_size=4)
objects = st.dictionaries(names, json_values)
forms = st.sampled_from([(True, None), (False, None), (False, 1), (True, 2)])
"""Whether letters beyond ASCII are escaped, and the indentation."""

fields = st.lists(st.tuples(names, st.booleans(), json_values), max_size=6)
"""Names, whether each letter of the name is escaped, and values."""

Form = tuple[bool, int | None]
Field = tuple[str, bool, JsonValue]


def spelled(value: JsonValue, form: Form) -> bytes:
    return json.dumps(value, ensure_ascii=form[0], indent=form[1]).encode("utf-8", "replace")


def members(said: list[Field], form: Form) -> list[tuple[bytes, bytes]]:
    return [
        (hidden(name) if is_hidden else spelled(name, form), spelled(value, form))
        for name, is_hidden, value in said
    ]


def hidden(name: str) -> bytes:
    units = name.encode("utf-16-be")
    return b'"%b"' % b"".join(b"\\u%b" % units[at : at + 2].hex().encode() for at in range(0, len(units), 2))


@given(objects, forms)
def test_every_field_says_what_a_parser_finds(value: JsonObject, form: Form) -> None:
    data = spelled(value, form)
    parsed = loads_strict(data)
    document = Document(data)
    assert list(document.names) == list(parsed)
    assert {name: document.get(name) for name in parsed} == parsed
    assert {name: document.is_empty(name) for name in parsed} == {name: not parsed[name] for name in parsed}
    assert document.whole == parsed
    assert document.whole is document.whole
    assert {name: document.get(name) for name in parsed} == parsed
    assert (document.get("absent"), document.is_empty("absent")) == (None, True)


@given(objects, objects, forms)
def test_an_edited_document_reads_as_the_same_object_with_other_values(
    value: JsonObject, changes: JsonObject, form: Form
) -> None:
    edited = Document(spelled(value, form)).edited(changes)
    assert loads(edited) == loads(dumps({**value, **changes}))


@given(fields, names, forms)
def test_between_the_values_that_change_every_byte_stays(said: list[Field], name: str, form: Form) -> None:
    pieces = members(said, form)
    data = b" {\n%b } " % b" ,".join(b"%b\t: %b" % piece for piece in pieces)
    last = max((place for place, field in enumerate(said) if field[0] == name), default=None)
    if last is None:
        added = b" {%b:1%b\n" % (dumps(name), b"," if said else b"")
        wanted = data.replace(b" {\n", added, 1)
    else:
        pieces[last] = (pieces[last][0], b"1")
        wanted = b" {\n%b } " % b" ,".join(b"%b\t: %b" % piece for piece in pieces)
    assert Document(data).edited({name: 1}) == wanted


@given(fields, names, forms)
def test_a_name_is_repeated_if_it_stands_twice_however_it_is_spelled(
    said: list[Field], name: str, form: Form
) -> None:
    data = b"{%b}" % b",".join(b"%b:%b" % piece for piece in members(said, form))
    document = Document(data)
    assert document.is_repeated(name) is ([field[0] for field in said].count(name) > 1)
    assert document.get(name) == loads_strict(data).get(name)


_TOKENS = (*'{}[]",:0123456789.eE+-\\ubnrt/ \n\tx\x00\x7fé', "true", "null", "NaN", '"a"', "\\ud800")


@given(
    st.lists(
        st.tuples(st.integers(0, 70), st.sampled_from(_TOKENS) | st.just(""), st.integers(0, 2)),
        min_size=1,
        max_size=3,
    )
)
@example([(0, "\ufeff", 0)])
@example([(0, "[", 1)])
def test_the_skim_takes_what_the_strict_reader_takes(edits: list[tuple[int, str, int]]) -> None:
    text = '{"model":"m","x":[1,2.5e3,{"b":"\\u00e9\\n"}],"n":null,"t":true,"é":"ü"}'
    for place, token, gone in edits:
        text = text[:place] + token + text[place + gone :]
    data = text.encode()
    verdict = _verdict(data, loads_strict)
    if verdict is dict or isinstance(verdict, str):
        assert _verdict(data, lambda data: Document(data).whole) == verdict
    else:
        assert "not an object" in str(_verdict(data, Document))


def _verdict(data: bytes, read: Callable[[bytes], object]) -> object:
    try:
        return type(read(data))
    except JsonError as refusal:
        return str(refusal)


@pytest.mark.parametrize("data", [b"[]", b"null", b'"\\ud800"', b"1", b"true"])
def test_what_is_no_object_is_refused_as_such(data: bytes) -> None:
    with pytest.raises(NoObjectError):
        Document(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a":1,}',
        b'{"a":NaN}',
        b'{"a":"\x01"}',
        b'{"a":"\\x"}',
        b'{"a":"\xff"}',
        b'{"a":["\xed\xa0\x80"]}',
        b'{"\xff":1}',
        b'{"a":"\\ud800","b":"\xff"}',
        b'{"a":"\\ud800","b":NaN}',
        b'{"a":"\\ud800","b":1e999}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1}{"a":1}',
        b'{"a":' + b"[" * 90_000 + b"]" * 90_000 + b"}",
        b'{"b":"\\ud800","a":' + b"[" * 65 + b"]" * 65 + b"}",
        b'{"a":' + b"[" * 90_000,
    ],
)
def test_what_is_no_json_is_refused_in_the_words_of_the_strict_reader(data: bytes) -> None:
    assert _verdict(data, Document) == _verdict(data, loads_strict)
    assert isinstance(_verdict(data, Document), str)


def test_what_nobody_reads_may_nest_deep_and_what_is_read_may_not() -> None:
    deep = b"[" * 500 + b"]" * 500
    document = Document(b'{"a":%b,"b":"c"}' % deep)
    assert document.get("b") == "c"
    assert document.edited({"b": "d"}) == b'{"a":%b,"b":"d"}' % deep
    with pytest.raises(JsonError, match="nested deeper than 64 levels"):
        document.get("a")
    with pytest.raises(JsonError, match="nested deeper than 64 levels"):
        assert document.whole


def test_so_it_is_with_many_arrays_and_with_numbers_over_all() -> None:
    wide = b"[%b]" % b",".join([b"[]"] * MAX_CONTAINERS)
    assert Document(b'{"a":%b,"b":1}' % wide).edited({"b": 2}) == b'{"a":%b,"b":2}' % wide
    with pytest.raises(JsonError, match="more than 100000 arrays and objects"):
        Document(b'{"a":%b}' % wide).get("a")
    with pytest.raises(JsonError, match="infinity"):
        Document(b'{"a":1e999}').get("a")


def test_more_fields_than_can_be_found_in_passing_are_refused() -> None:
    def document(count: int) -> bytes:
        return b"{%b}" % b",".join(b'"%d":0' % number for number in range(count))

    assert len(Document(document(MAX_FIELDS)).names) == MAX_FIELDS
    for data in (document(MAX_FIELDS + 1), b"{%b}" % b",".join([b'"a":0'] * (MAX_FIELDS + 1))):
        with pytest.raises(JsonError, match="more than 10000 fields"):
            Document(data)


def test_more_than_a_million_commas_are_not_even_looked_at() -> None:
    with pytest.raises(JsonError, match="more than 1000000 commas"):
        Document(b"," * (MAX_MARKS + 1))
    # A picture has none.
    assert Document(b'{"a":"%b"}' % (b"A" * (MAX_MARKS + 1))).names == {"a"}


@pytest.mark.parametrize(
    ("data", "edited"),
    [
        (b'{"model":"a"}', b'{"model":"Z"}'),
        (b' { "model" : "a" , "x" : 1 } ', b' { "model" : "Z" , "x" : 1 } '),
        (b'{"x":{"model":"b"},"model":{"n":["}"]},"y":2}', b'{"x":{"model":"b"},"model":"Z","y":2}'),
        (b'{"model":true,"x":1e2}', b'{"model":"Z","x":1e2}'),
        (b'{"model":[[1],{"a":"]"}]}', b'{"model":"Z"}'),
        (b'{"x":1.00}', b'{"model":"Z","x":1.00}'),
        (b"{}", b'{"model":"Z"}'),
        (b" { } ", b' {"model":"Z" } '),
        (b'{"model":"a","model":"b"}', b'{"model":"a","model":"Z"}'),
        (b'{"model":[1,"]"],"model":[2]}', b'{"model":[1,"]"],"model":"Z"}'),
        (b'{"model":1,"model":12,"x":1}', b'{"model":1,"model":"Z","x":1}'),
        (b'{"model":"a","mod\\u0065l":"b"}', b'{"model":"a","mod\\u0065l":"Z"}'),
        (b'{"mod\\u0065l":"a","model":"b"}', b'{"mod\\u0065l":"a","model":"Z"}'),
        (b'{"model":"a","x\\"model":"b"}', b'{"model":"Z","x\\"model":"b"}'),
        (b'{"x\\"model":"b","y":"model"}', b'{"model":"Z","x\\"model":"b","y":"model"}'),
        (b'{"\\ud800":1,"a\\u0041":2}', b'{"model":"Z","\\ud800":1,"a\\u0041":2}'),
        (b'{"a":{"b":["\\ud800"]},"model":["\\ud800"]}', b'{"a":{"b":["\\ud800"]},"model":"Z"}'),
        (b'{"a":1234567890,"model":"a","b":"\\ud800"}', b'{"a":1234567890,"model":"Z","b":"\\ud800"}'),
        (b'{"a":"\\"model\\":1","model":"b"}', b'{"a":"\\"model\\":1","model":"Z"}'),
        (b'{"a":"\\u0041"}', b'{"model":"Z","a":"\\u0041"}'),
    ],
)
def test_one_value_changes_and_every_other_byte_stays(data: bytes, edited: bytes) -> None:
    assert Document(data).edited({"model": "Z"}) == edited


def test_several_edits_are_one() -> None:
    data = b'{ "a":1.0, "b" :[2], "c":3 }'
    changes: JsonObject = {"c": "C", "new": None, "a": [], "newer": 1}
    assert Document(data).edited(changes) == b'{"new":null,"newer":1, "a":[], "b" :[2], "c":"C" }'


def test_without_an_edit_the_bytes_are_the_same() -> None:
    data = b'{"a":1}'
    assert Document(data).edited({}) is Document(data).data is data


@pytest.mark.parametrize(
    ("value", "empty"),
    [
        (b"null", True),
        (b"[]", True),
        (b"{ \n}", True),
        (b'""', True),
        (b"0.0", True),
        (b"false", True),
        (b"[[]]", False),
        (b'[ "\\ud800"]', False),
        (b'" "', False),
        (b'"[]"', False),
        (b"[" * 500 + b"]" * 500, False),
    ],
)
def test_a_field_without_content_is_as_good_as_none(value: bytes, empty: bool) -> None:
    assert Document(b'{"a":%b}' % value).is_empty("a") is empty


def test_a_word_is_looked_for_in_one_field() -> None:
    document = Document(b'{"a":["gw1.x"],"b":"y","a":["gw2."]}')
    assert document.mentions("a", b'"gw2.')
    for name, word in (("a", b'"gw1.'), ("b", b"gw"), ("c", b"y")):
        assert not document.mentions(name, word)


def test_a_document_is_made_of_a_value() -> None:
    document = Document.of({"a": [1]})
    assert (document.data, document.whole) == (b'{"a":[1]}', {"a": [1]})
    assert Document().whole == {}


@pytest.mark.parametrize("data", [b'{"a":{"b":1}}', b'{"a":{"b":1},"c":"\\ud800"}'])
def test_what_is_forgotten_is_read_again(data: bytes) -> None:
    document = Document(data)
    before = (document.whole, document.get("a"))
    document.forget()
    assert (document.whole, document.get("a")) == before


def test_what_is_forgotten_is_let_go_of() -> None:
    document = Document(b'{"a":{"b":1}}')
    whole = document.whole
    document.forget()
    assert document.whole is not whole
