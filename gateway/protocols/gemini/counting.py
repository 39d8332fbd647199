"""Counts of tokens and lists of models.

https://ai.google.dev/api/tokens, https://ai.google.dev/api/models
"""

from collections.abc import Sequence
from typing import Any

from gateway.canonical.json import JsonObject
from gateway.errors import BadUpstreamReply
from gateway.protocols.codec import ModelCard
from gateway.wire.fast_json import JsonError, dumps, loads

_METHODS = ("generateContent", "streamGenerateContent", "countTokens")
_CONTEXT = 1_048_576
_MAX_OUTPUT = 65_536
"""What is told of a model whose limits are not known: clients cut conversations by these numbers."""


def encode_count(tokens: int) -> bytes:
    """The reply that says how many tokens a request would read."""
    return dumps({"totalTokens": tokens})


def decode_count(body: bytes) -> int:
    """The number an upstream counted.

    Raises:
        BadUpstreamReply: there is none.
    """
    try:
        payload: Any = loads(body)
    except JsonError as error:
        raise BadUpstreamReply(f"the upstream's count is not JSON: {error}") from error
    tokens = payload.get("totalTokens") if isinstance(payload, dict) else None
    if not isinstance(tokens, int):
        raise BadUpstreamReply("the upstream's count has no totalTokens")
    return tokens


def encode_models(cards: Sequence[ModelCard]) -> bytes:
    """The list of models."""
    return dumps({"models": [_card(card) for card in cards]})


def encode_model(card: ModelCard) -> bytes:
    """One model."""
    return dumps(_card(card))


def _card(card: ModelCard) -> JsonObject:
    return {
        "name": f"models/{card.id}",
        "version": "001",
        "displayName": card.id,
        "inputTokenLimit": card.context or _CONTEXT,
        "outputTokenLimit": card.max_output or _MAX_OUTPUT,
        "supportedGenerationMethods": [*_METHODS],
    }
