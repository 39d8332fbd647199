"""Signatures on their way through a client that only echoes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.canonical.content import Signature
from gateway.protocols.carry import is_foreign, unwrap, wrap

FAMILIES = st.sampled_from(["anthropic", "gemini", "openai_responses", "openai_chat"])
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(FAMILIES, WORDS.filter(bool), WORDS, FAMILIES)
def test_a_signature_survives_the_way_through_any_client(
    family: str, payload: str, model: str, client: str
) -> None:
    signature = Signature(family, payload, "" if family == client else model)
    assert unwrap(wrap(signature, client), client) == signature


@given(FAMILIES, WORDS.filter(bool), WORDS)
def test_words_that_its_client_does_not_want_to_read_travel_with_a_signature(
    family: str, payload: str, words: str
) -> None:
    signature = Signature(family, payload, unsaid=words)
    assert unwrap(wrap(signature, "ollama"), "ollama") == signature


def test_a_native_signature_goes_out_as_it_is() -> None:
    assert wrap(Signature("anthropic", "EqQB", "claude"), "anthropic") == "EqQB"


@given(FAMILIES, WORDS, FAMILIES)
def test_a_wrapped_word_is_made_of_characters_that_every_wire_takes(
    family: str, payload: str, client: str
) -> None:
    word = wrap(Signature(family, payload), client)
    assert family == client or all(c.isascii() and (c.isalnum() or c in "._-") for c in word)


def test_reasoning_without_a_signature_is_recognised_when_it_comes_back() -> None:
    word = wrap(None, "anthropic")
    assert is_foreign(word, "anthropic")
    assert unwrap(word, "anthropic") is None


@pytest.mark.parametrize(
    "word",
    [
        "",
        "gw1.",
        "gw1.gemini",
        "gw1.gemini.x",
        "gw1.gemini.AA.AA.AA.AA",
        "gw1.gemini.a.a",
        "gw1.gemini.é.é",
        "gw1.g..gICA",
    ],
)
def test_a_word_that_nobody_issued_is_no_signature(word: str) -> None:
    assert unwrap(word, "anthropic") is None


@pytest.mark.parametrize(
    ("word", "foreign"),
    [
        ("EqQB", False),
        ("", False),
        (wrap(Signature("gemini", "x"), "anthropic"), True),
        ("gw1.anthropic..eA", False),
        ("gw1.broken", True),
    ],
)
def test_only_what_we_wrapped_for_another_issuer_is_foreign(word: str, *, foreign: bool) -> None:
    assert is_foreign(word, "anthropic") is foreign
