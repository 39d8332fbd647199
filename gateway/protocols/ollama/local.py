"""What needs no upstream: the models, the version, and requests that only load a model."""

from collections.abc import Sequence
from hashlib import sha256

from gateway.canonical.json import JsonObject
from gateway.protocols.codec import Call, HttpAnswer, ModelCard, Operation
from gateway.protocols.ollama.ask import LATEST, asked
from gateway.protocols.ollama.reply import line, rfc3339
from gateway.wire.fast_json import dumps

VERSION = "0.14.0"
"""The version of Ollama that clients are told: they ask for features by it."""

_FAMILY = "gateway"
_CAPABILITIES = ("completion", "tools", "vision", "thinking")
_NOTHING_RUNS = dumps({"models": []})
_FIXED = {
    "/": HttpAnswer(200, b"Ollama is running", content_type="text/plain"),
    "/api/version": HttpAnswer(200, dumps({"version": VERSION})),
    "/api/ps": HttpAnswer(200, _NOTHING_RUNS),
}


def answer(call: Call) -> HttpAnswer | None:
    """The answer to what needs no upstream, None for everything else.

    A conversation without messages and a prompt without words only load a model, or unload it with
    `keep_alive: 0`.
    """
    if call.endpoint is None:
        return None
    match call.endpoint.operation:
        case Operation.LOCAL:
            return _fixed(call, call.endpoint.path)
        case Operation.GENERATE if call.document.is_empty("messages"):
            return _loaded(call)
        case Operation.COMPLETE if call.document.is_empty("prompt") and call.document.is_empty("images"):
            return _loaded(call)
        case _:
            return None


def _fixed(call: Call, path: str) -> HttpAnswer | None:
    # Below the name of a pool, where anything may be asked for, the root is nobody's.
    if path.endswith("/"):
        return None if "pool" in call.params else _FIXED["/"]
    return next((said for end, said in _FIXED.items() if path.endswith(end)), None)


def _loaded(call: Call) -> HttpAnswer:
    meant = asked(call)
    meant.created = call.received
    keep = call.said("keep_alive")
    reason = "unload" if keep in (0, "0", "0s") and keep is not False else "load"
    return HttpAnswer(200, dumps({**line(meant, {}), "done": True, "done_reason": reason}))


def encode_models(cards: Sequence[ModelCard]) -> bytes:
    """`/api/tags`."""
    return dumps({"models": [_listed(card) for card in cards]})


def _listed(card: ModelCard) -> JsonObject:
    # Clients take a name without a tag for an incomplete one.
    name = card.id if ":" in card.id else card.id + LATEST
    return {
        "name": name,
        "model": name,
        "modified_at": rfc3339(card.created),
        "size": 0,
        "digest": sha256(card.id.encode("utf-8", "replace")).hexdigest(),
        "details": _details(),
        "capabilities": [*_CAPABILITIES],
    }


def _details() -> JsonObject:
    return {
        "parent_model": "",
        "format": "",
        "family": _FAMILY,
        "families": [_FAMILY],
        "parameter_size": "",
        "quantization_level": "",
    }


def encode_model(card: ModelCard) -> bytes:
    """`/api/show`. Editors read the size of the context from it, and whether a model takes tools."""
    info: JsonObject = {"general.architecture": _FAMILY}
    if card.context is not None:
        info[f"{_FAMILY}.context_length"] = card.context
    return dumps(
        {
            "modelfile": "",
            "parameters": "",
            "template": "",
            "details": _details(),
            "model_info": info,
            "capabilities": [*_CAPABILITIES],
            "modified_at": rfc3339(card.created),
        }
    )
