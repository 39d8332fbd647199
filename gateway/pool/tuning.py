"""What an operator changes of requests for one place: settings, the upstream's own fields, a system prompt.

What the client said and does not get is a loss; what is added to its words is noted as a repair.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from gateway.canonical.content import Message, Text
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.request import Reasoning, Request, Sampling
from gateway.protocols.codec import Losses

_SAMPLING = frozenset(each.name for each in fields(Sampling))
_EFFORT = "reasoning_effort"
_GONE_TOGETHER: Mapping[str, tuple[str, ...]] = {
    "audio": ("audio",),
    "cache_key": ("cache_key",),
    "logprobs": ("logprobs", "top_logprobs"),
    "max_tokens": ("max_tokens",),
    "metadata": ("metadata",),
    "modalities": ("modalities",),
    "n": ("n",),
    "output": ("output",),
    "parallel_tool_calls": ("parallel_tool_calls",),
    "reasoning": ("reasoning",),
    "service_tier": ("service_tier",),
    "stop": ("stop",),
    "tools": ("tools", "tool_choice", "parallel_tool_calls"),
    "user": ("user",),
    "verbosity": ("verbosity",),
    _EFFORT: ("reasoning",),
}
"""What can be removed beside the sampling, and what goes with it."""


@dataclass(slots=True, frozen=True, eq=False, kw_only=True)
class Tuning:
    """`defaults` hold where the client says nothing, `force` whatever it says; both in our words for settings
    (those of `Sampling` and `Request`, and `reasoning_effort`). `remove` are settings and fields that do not
    go up, `extras` fields that do, in the upstream's words. A system prompt stands `before` the client's, or
    `instead` of it.
    """

    defaults: Mapping[str, JsonValue] = field(default_factory=dict)
    force: Mapping[str, JsonValue] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    extras: Mapping[str, JsonValue] = field(default_factory=dict)
    before: str | None = None
    instead: str | None = None


def tuned(request: Request, tunings: Sequence[Tuning], protocol: str, losses: Losses) -> Request:
    """`request` for an upstream that speaks `protocol`, as each of `tunings` in turn wants it."""
    asked = request
    for tuning in tunings:
        for name in tuning.remove:
            request = _removed(request, name, losses)
        for name, value in tuning.defaults.items():
            if _unsaid(_said(request, name)):
                losses.repair(name, f"{value} by default")
                request = _with(request, name, value)
        for name, value in tuning.force.items():
            _note_forced(asked, name, value, losses)
            request = _with(request, name, value)
        request = _with_extras(request, tuning.extras, protocol, losses)
        request = _prompted(request, tuning, losses)
    return request


def _said(request: Request, name: str) -> Any:
    if name == _EFFORT:
        reasoning = request.reasoning
        return None if reasoning is None else reasoning.effort or reasoning.mode
    return getattr(request.sampling if name in _SAMPLING else request, name)


def _unsaid(value: object) -> bool:
    return value is None or value == []


def _with(request: Request, name: str, value: Any) -> Request:
    if name == _EFFORT:
        visibility = request.reasoning.visibility if request.reasoning is not None else None
        off = Reasoning("off") if value == "none" else Reasoning("effort", value)
        return replace(request, reasoning=replace(off, visibility=visibility))
    if name in _SAMPLING:
        return replace(request, sampling=replace(request.sampling, **{name: value}))
    return replace(request, **{name: value})


def _note_forced(asked: Request, name: str, value: JsonValue, losses: Losses) -> None:
    said = _said(asked, name)
    path = asked.origin_of("reasoning" if name == _EFFORT else name)
    if _unsaid(said):
        losses.repair(path, f"{value} by force")
    elif said != value:
        losses.drop(path, f"{said}->{value}")


def _removed(request: Request, name: str, losses: Losses) -> Request:
    if name in _SAMPLING:
        if not _unsaid(_said(request, name)):
            losses.drop(request.origin_of(name), "removed")
        return _with(request, name, None)
    empty = Request("", [])
    for setting in _GONE_TOGETHER.get(name, ()):
        nothing = getattr(empty, setting)
        if getattr(request, setting) != nothing:
            losses.drop(request.origin_of(setting), "removed")
            request = replace(request, **{setting: nothing})
    for path in _paths(request, name):
        losses.drop(path, "removed")
    kept = {
        owner: {key: value for key, value in said.items() if key != name}
        for owner, said in request.extras.items()
    }
    return replace(request, extras={owner: said for owner, said in kept.items() if said})


def _paths(request: Request, name: str) -> Iterator[str]:
    return (name for said in request.extras.values() if name in said)


def _with_extras(request: Request, extras: Mapping[str, JsonValue], protocol: str, losses: Losses) -> Request:
    own: JsonObject = request.extras.get(protocol, {})
    for name, value in extras.items():
        if name not in own:
            losses.repair(name, "added")
        elif own[name] != value:
            losses.drop(name, "replaced")
    return replace(request, extras={**request.extras, protocol: {**own, **extras}}) if extras else request


def _prompted(request: Request, tuning: Tuning, losses: Losses) -> Request:
    words = tuning.instead if tuning.instead is not None else tuning.before
    if words is None:
        return request
    messages = request.messages
    if tuning.instead is not None:
        messages = [message for message in messages if message.role not in {"system", "developer"}]
        for message in request.messages:
            if message.role in {"system", "developer"}:
                losses.drop(message.origin or "system", "replaced")
    losses.repair("system", "put in front")
    return replace(request, messages=[Message("system", [Text(words)]), *messages])
