"""What lists of models say, and what is no list."""

import pytest

from gateway.canonical.json import JsonValue
from gateway.protocols import CODECS
from gateway.protocols.codec import ModelCard
from gateway.protocols.model_lists import in_data, in_models
from gateway.wire.fast_json import loads


@pytest.mark.parametrize("name", sorted(CODECS))
def test_what_a_codec_lists_it_can_read(name: str) -> None:
    codec = CODECS[name]
    answer = loads(codec.encode_models([ModelCard("a:x"), ModelCard("b/c:x")]))
    assert codec.decode_models(answer) == ["a:x", "b/c:x"]


def test_models_that_do_not_generate_are_left_out() -> None:
    said: dict[str, JsonValue] = {"a": ["generateContent"], "b": ["embedContent"], "c": "generateContent"}
    models: list[JsonValue] = [
        {"name": f"models/{name}", "supportedGenerationMethods": methods} for name, methods in said.items()
    ]
    assert in_models({"models": models}) == ["a", "c"]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "no",
        {},
        {"data": {}, "models": 3},
        {"data": [1, None, {"id": 7}, {"id": ""}], "models": ["x", {}]},
    ],
)
def test_what_is_no_list_has_no_models(answer: JsonValue) -> None:
    assert in_data(answer) == in_models(answer) == []
