"""What is answered without an upstream, and the client's own bytes."""

from typing import Any

import pytest

from gateway import errors
from gateway.protocols.codec import Call, Endpoint, Losses, ModelCard, Operation
from gateway.protocols.ollama import CODEC
from gateway.protocols.target import Target
from gateway.wire.document import Document
from gateway.wire.fast_json import loads
from tests.protocols.ollama.exchange import CHAT, GENERATE, called


@pytest.mark.parametrize(
    ("endpoint", "body", "reason"),
    [
        (CHAT, {"messages": []}, "load"),
        (CHAT, {}, "load"),
        (CHAT, {"keep_alive": 0}, "unload"),
        (CHAT, {"keep_alive": "0"}, "unload"),
        (CHAT, {"keep_alive": False}, "load"),
        (GENERATE, {"prompt": "", "keep_alive": "5m"}, "load"),
    ],
)
def test_a_request_that_only_loads_a_model_is_answered_here(
    endpoint: Endpoint, body: dict[str, Any], reason: str
) -> None:
    answer = CODEC.answer(called(endpoint, **body))
    assert answer is not None
    said = loads(answer.body)
    assert (said["done"], said["done_reason"], said["created_at"]) == (True, reason, "2026-01-01T00:00:00Z")
    assert ("response" in said) == (endpoint is GENERATE)


@pytest.mark.parametrize(
    "call",
    [
        called(CHAT, messages=[{"role": "user", "content": "x"}]),
        called(GENERATE, prompt="x"),
        called(GENERATE, images=["AAAA"]),
        called(Endpoint(Operation.LIST_MODELS, "GET", "/api/tags")),
        Call(),
        Call(params={"pool": "p"}, endpoint=Endpoint(Operation.LOCAL, "GET", "/{pool}/")),
        Call(endpoint=Endpoint(Operation.LOCAL, "GET", "/nothing")),
    ],
)
def test_everything_else_is_not(call: Call) -> None:
    assert CODEC.answer(call) is None


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ollama/", b"Ollama is running"),
        ("/ollama/api/version", b'{"version":"0.14.0"}'),
        ("/ollama/api/ps", b'{"models":[]}'),
    ],
)
def test_what_is_always_the_same_is_answered_here(path: str, body: bytes) -> None:
    answer = CODEC.answer(Call(endpoint=Endpoint(Operation.LOCAL, "GET", path)))
    assert answer is not None
    assert answer.body == body


def test_models_are_listed_with_a_tag_and_taken_back_with_it() -> None:
    listed = loads(CODEC.encode_models([ModelCard("gpt-5.5"), ModelCard("org/m:free")]))["models"]
    assert [entry["model"] for entry in listed] == ["gpt-5.5:latest", "org/m:free"]
    assert all(entry["name"] == entry["model"] for entry in listed)
    assert [CODEC.asked(called(model=entry["model"])).model for entry in listed] == ["gpt-5.5", "org/m:free"]
    assert len({entry["digest"] for entry in listed}) == 2
    assert {len(entry["digest"]) for entry in listed} == {64}


def test_a_model_is_shown_with_the_size_of_its_context() -> None:
    said = loads(CODEC.encode_model(ModelCard("m", context=9000)))
    architecture = said["model_info"]["general.architecture"]
    assert said["model_info"][f"{architecture}.context_length"] == 9000
    assert "tools" in said["capabilities"]
    assert len(loads(CODEC.encode_model(ModelCard("m")))["model_info"]) == 1


def test_early_clients_call_the_model_name() -> None:
    assert CODEC.asked(Call(Document.of({"name": "m:latest"}))).model == "m"


def test_the_clients_own_bytes_pass_but_for_the_models_name() -> None:
    body = b'{ "model":"a", "options":{"seed":1.0} }'
    call = Call(Document(body))
    assert CODEC.redirect(call, Target("a"), Losses()) == (body, False)
    assert CODEC.redirect(call, Target("b"), Losses()) == (body.replace(b'"a"', b'"b"'), False)


def test_nobody_counts_tokens() -> None:
    with pytest.raises(errors.NotServed):
        CODEC.encode_count(1)
    with pytest.raises(errors.BadUpstreamReply):
        CODEC.decode_count(b"1")
