"""By what a conversation is known again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols import CODECS
from gateway.protocols.codec import Call
from gateway.relay.conversation import Conversation, conversation_of
from gateway.relay.exchange import Meaning
from gateway.wire.document import Document

CHAT = CODECS["openai_chat"]


def told(payload: dict[str, Any], client: bytes = b"someone", **headers: str) -> Conversation | None:
    body = {"model": "m", **payload}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    call = Call(Document.of(body), named)
    return conversation_of(Meaning(CHAT, call), client, body["model"])


def said(*turns: str, system: str = "be brief") -> dict[str, Any]:
    """A conversation of a user and an assistant in turn."""
    roles = ("user", "assistant")
    turned = [{"role": roles[place % 2], "content": text} for place, text in enumerate(turns)]
    return {"messages": [{"role": "system", "content": system}, *turned]}


def key(*arguments: Any, **more: Any) -> bytes:
    found = told(*arguments, **more)
    assert found is not None
    return found.key


@pytest.mark.parametrize(
    "header",
    ["x_claude_code_session_id", "session_id", "thread_id", "x_session_id", "x_session_affinity"],
)
def test_a_session_that_a_client_names_is_one_conversation_whatever_is_said(header: str) -> None:
    assert key(said("a"), **{header: "s1"}) == key(said("b", "c", "d"), **{header: "s1"})
    assert key(said("a"), **{header: "s1"}) != key(said("a"), **{header: "s2"})


@pytest.mark.parametrize("field", [{"prompt_cache_key": "k"}, {"metadata": {"user_id": "k"}}])
def test_so_is_one_that_the_body_names(field: dict[str, Any]) -> None:
    found = told({**said("a"), **field})
    assert found == told({**said("b"), **field})
    assert found is not None
    assert found.cached


def test_fields_of_another_form_name_nothing() -> None:
    odd = {"prompt_cache_key": 7, "metadata": "x"}
    assert told({**odd, "messages": 3}) is None


def test_clients_and_models_have_conversations_of_their_own() -> None:
    assert key(said("a"), b"one") != key(said("a"), b"other")
    assert key(said("a")) != key({**said("a"), "model": "n"})


TEXTS = st.text(max_size=5)


@given(st.lists(TEXTS, min_size=1, max_size=6), TEXTS)
def test_a_conversation_that_goes_on_is_still_the_same(turns: list[str], more: str) -> None:
    assert key(said(*turns)) == key(said(*turns, more))


def test_one_that_only_begins_may_go_anywhere() -> None:
    begun, gone_on = told(said("a")), told(said("a", "b", "c"))
    assert begun is not None
    assert gone_on is not None
    assert (begun.cached, gone_on.cached) == (False, True)


def test_conversations_that_begin_otherwise_are_others() -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {}}}]
    others = [said("a"), said("b"), said("a", system="be long"), {**said("a"), "tools": tools}]
    assert len({key(other) for other in others}) == len(others)
