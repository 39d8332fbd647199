"""What upstreams themselves say they will still take, read from every answer and kept to before they refuse.

Header names: OpenAI and those that follow it have `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`
(platform.openai.com/docs/guides/rate-limits), Anthropic `anthropic-ratelimit-{requests,tokens,input-tokens,
output-tokens}-{limit,remaining,reset}` (docs.anthropic.com/en/api/rate-limits), ModelScope
`modelscope-ratelimit[-model]-requests-{limit,remaining}` without a time.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gateway.canonical.json import JsonObject, JsonValue
from gateway.timing import Calendar, Clock

LONGEST_S = 3600.0
"""So long a word is believed at most, and so long where it does not say how long it holds: then it is worth
another look.
"""

_REMEMBERED = 1000
"""Figures remembered at most: names of models may come from clients."""

_CRUMBS = 0.01
"""The share of a token limit with which nobody can do anything any more."""

_PLAIN = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_SPAN = re.compile(
    r"(?=\d)(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?"
    r"(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+(?:\.\d+)?)ms)?"
)
_UNITS_S = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_A_DATE, _A_DATE_MS = 1e9, 1e12
"""A number of seconds as large as that is a time of day, and one of milliseconds even larger."""


@dataclass(slots=True, frozen=True)
class _Counter:
    """The headers of one count. `of_requests`: of tokens otherwise. `of_account`: for all its models."""

    remaining: str
    limit: str
    reset: str
    of_requests: bool
    of_account: bool


def _counter(pattern: str, *, of_account: bool = False) -> _Counter:
    remaining, limit, reset = (pattern.replace("*", word) for word in ("remaining", "limit", "reset"))
    return _Counter(remaining, limit, reset, "requests" in pattern, of_account)


_COUNTERS = (
    _counter("x-ratelimit-*-requests"),
    _counter("x-ratelimit-*-tokens"),
    _counter("anthropic-ratelimit-requests-*"),
    _counter("anthropic-ratelimit-tokens-*"),
    _counter("anthropic-ratelimit-input-tokens-*"),
    _counter("anthropic-ratelimit-output-tokens-*"),
    _counter("modelscope-ratelimit-requests-*", of_account=True),
    _counter("modelscope-ratelimit-model-requests-*"),
)


@dataclass(slots=True)
class _Figure:
    """What a counter said is `left`, less what has started since; it is nothing below `least`. `until` is a
    time of the pool's clock.
    """

    left: float
    least: float
    until: float
    of_requests: bool


@dataclass(slots=True)
class Allowance:
    """What one account may still ask for, as its upstream told.

    A limit like any other: closed for a model once nothing is left, until the upstream counts anew. `clock`
    is the pool's, `wall` the time of day in seconds since 1970.
    """

    clock: Clock
    wall: Clock
    _figures: dict[tuple[str, str], _Figure] = field(default_factory=dict)

    def hear(self, model: str, status: int, headers: Mapping[str, str]) -> None:  # noqa: ARG002 - any answer
        """Note what an answer for `model` says; `headers` have lower-case names."""
        for counter in _COUNTERS:
            left = _number(headers.get(counter.remaining))
            place = ("" if counter.of_account else model, counter.remaining)
            if left is None or (place not in self._figures and len(self._figures) >= _REMEMBERED):
                continue
            limit = 0.0 if counter.of_requests else _number(headers.get(counter.limit)) or 0.0
            until = self.clock() + self._lasts_s(headers.get(counter.reset))
            self._figures[place] = _Figure(left, max(1.0, limit * _CRUMBS), until, counter.of_requests)

    def opens_at(self, now: float, model: str) -> float:
        """Now, or when the upstream counts anew."""
        spent = [figure.until for figure in self._about(model) if figure.left < figure.least]
        return max(spent, default=now) if spent and max(spent) > now else now

    def start(self, now: float, model: str) -> None:  # noqa: ARG002 - whenever it starts
        """A request for `model` starts, which no answer has counted yet."""
        for figure in self._about(model):
            if figure.of_requests:
                figure.left -= 1

    def end(self, now: float, model: str, tokens: int) -> None:
        """Its answer has told what is left."""

    def told(self, now: float) -> JsonObject:
        """What is left by the upstream's own word, as long as that holds."""
        left: JsonObject = {
            f"{model} {header}".strip(): figure.left
            for (model, header), figure in self._figures.items()
            if figure.until > now
        }
        return {"limit": "what the upstream says is left", "left": left}

    def facts(self, calendar: Calendar) -> JsonValue:
        """What it has been told that still holds."""
        return [
            [*place, figure.left, figure.least, calendar.date(figure.until), figure.of_requests]
            for place, figure in self._figures.items()
            if figure.until > calendar.present
        ] or None

    def recall(self, facts: Any, calendar: Calendar) -> None:
        """What was told before this process began."""
        self._figures = {
            (str(model), str(name)): _Figure(
                float(left), float(least), calendar.moment(until), of_requests is True
            )
            for model, name, left, least, until, of_requests in facts
        }

    def _about(self, model: str) -> list[_Figure]:
        if not self._figures:
            return []
        places = (("" if counter.of_account else model, counter.remaining) for counter in _COUNTERS)
        return [self._figures[place] for place in places if place in self._figures]

    def _lasts_s(self, reset: str | None) -> float:
        """For how long from now a figure holds."""
        seconds = None if reset is None else _seconds(reset, self.wall())
        return LONGEST_S if seconds is None else min(max(seconds, 0.0), LONGEST_S)


def _number(text: str | None) -> float | None:
    if text is None or not _PLAIN.fullmatch(text):
        return None
    return float(text)


def _seconds(reset: str, wall: float) -> float | None:
    """A span (`6m0s`, `20ms`, `12.5`) or a date (RFC 3339, or since 1970), in seconds from `wall`."""
    number = _number(reset)
    if number is not None:
        return number / 1000 - wall if number > _A_DATE_MS else number - wall if number > _A_DATE else number
    span = _SPAN.fullmatch(reset)
    if span is not None:
        return sum(float(value) * _UNITS_S[unit] for unit, value in span.groupdict(default="0").items())
    try:
        return datetime.fromisoformat(reset).timestamp() - wall
    except (ValueError, OverflowError, OSError):
        return None
