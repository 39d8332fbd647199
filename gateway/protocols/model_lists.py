"""Lists of models, as upstreams answer with them: tolerant, because a list is only ever a convenience."""

from collections.abc import Iterator

from gateway.canonical.json import JsonValue

_GENERATES = "generateContent"


def in_data(answer: JsonValue) -> list[str]:
    """The ids in `{"data": [{"id": …}]}`; of what is another thing, nothing."""
    return list(_named(answer, "data", "id"))


def in_models(answer: JsonValue) -> list[str]:
    """The names in `{"models": [{"name": …}]}` of those that generate, without the collection in front."""
    return [name.removeprefix("models/") for name in _named(answer, "models", "name")]


def _named(answer: JsonValue, members: str, name: str) -> Iterator[str]:
    listed = answer.get(members) if isinstance(answer, dict) else None
    for member in listed if isinstance(listed, list) else ():
        found = member.get(name) if isinstance(member, dict) else None
        if isinstance(member, dict) and isinstance(found, str) and found and _generates(member.get(_METHODS)):
            yield found


_METHODS = "supportedGenerationMethods"


def _generates(methods: JsonValue) -> bool:
    return not isinstance(methods, list) or _GENERATES in methods
