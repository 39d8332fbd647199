"""How an exchange can end for a client, and how it should: the words of the expectations."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

FULL = "Hello from the chaos upstream"
"""What the upstream says when it is well."""

UNDERSTUDY = f"{FULL} é中"
"""What the deployment says that stands in for one that fails."""


class Kind(StrEnum):
    """Why a client got no whole reply."""

    INVALID = "invalid"
    CONTEXT = "context"
    POLICY = "policy"
    TOO_LARGE = "too large"
    NO_MODEL = "no model"
    RATE_LIMIT = "rate limit"
    QUOTA = "quota"
    OVERLOADED = "overloaded"
    UPSTREAM = "upstream"
    TIMEOUT = "timeout"


SANE = 10**8
"""No reply costs more tokens than that."""

UNTOLD = (-1, -1)
"""For `Whole.usage`: whatever the client makes of it, no figures included."""

OWN_FAULT = {Kind.INVALID, Kind.CONTEXT, Kind.POLICY, Kind.TOO_LARGE}
"""The request itself is at fault: it is tried nowhere else."""

SAID_AS: Mapping[str, Mapping[Kind, tuple[int, str]]] = {
    "openai": {
        Kind.INVALID: (400, "invalid_request_error"),
        Kind.CONTEXT: (400, "context_length_exceeded"),
        Kind.POLICY: (400, "content_policy_violation"),
        Kind.TOO_LARGE: (413, "request_too_large"),
        Kind.NO_MODEL: (404, "model_not_found"),
        Kind.RATE_LIMIT: (429, "rate_limit_exceeded"),
        Kind.QUOTA: (429, "insufficient_quota"),
        Kind.OVERLOADED: (503, "overloaded"),
        Kind.UPSTREAM: (502, "upstream_error"),
        Kind.TIMEOUT: (504, "timeout"),
    },
    "anthropic": {
        Kind.INVALID: (400, "invalid_request_error"),
        Kind.CONTEXT: (400, "invalid_request_error"),
        Kind.POLICY: (400, "invalid_request_error"),
        Kind.TOO_LARGE: (413, "request_too_large"),
        Kind.NO_MODEL: (404, "not_found_error"),
        Kind.RATE_LIMIT: (429, "rate_limit_error"),
        Kind.QUOTA: (402, "billing_error"),
        Kind.OVERLOADED: (529, "overloaded_error"),
        Kind.UPSTREAM: (502, "api_error"),
        Kind.TIMEOUT: (504, "timeout_error"),
    },
    "gemini": {
        Kind.INVALID: (400, "400 INVALID_ARGUMENT"),
        Kind.CONTEXT: (400, "400 INVALID_ARGUMENT"),
        Kind.POLICY: (400, "400 INVALID_ARGUMENT"),
        Kind.TOO_LARGE: (413, "413 INVALID_ARGUMENT"),
        Kind.NO_MODEL: (404, "404 NOT_FOUND"),
        Kind.RATE_LIMIT: (429, "429 RESOURCE_EXHAUSTED"),
        Kind.QUOTA: (429, "429 RESOURCE_EXHAUSTED"),
        Kind.OVERLOADED: (503, "503 UNAVAILABLE"),
        Kind.UPSTREAM: (502, "502 UNAVAILABLE"),
        Kind.TIMEOUT: (504, "504 DEADLINE_EXCEEDED"),
    },
    # Beside the status this protocol has nothing but words for people.
    "ollama": {
        Kind.INVALID: (400, "error"),
        Kind.CONTEXT: (400, "error"),
        Kind.POLICY: (400, "error"),
        Kind.TOO_LARGE: (413, "error"),
        Kind.NO_MODEL: (404, "error"),
        Kind.RATE_LIMIT: (429, "error"),
        Kind.QUOTA: (429, "error"),
        Kind.OVERLOADED: (503, "error"),
        Kind.UPSTREAM: (502, "error"),
        Kind.TIMEOUT: (504, "error"),
    },
}
"""Status and word (the code, or else the type) of each kind, by the client's protocol."""

WORDLESS: Mapping[str, frozenset[str]] = {"ollama": frozenset({"content_filter"})}
"""Ends for which a protocol has no word but the ordinary one."""


@dataclass(frozen=True)
class Whole:
    """A whole reply. `usage` None: the upstream's figures were no figures, any sane ones will do. `own`: what
    a client hears that speaks the upstream's protocol, so that the upstream's bytes are passed on.
    """

    text: str = FULL
    stop: str = "stop"
    calls: tuple[tuple[str, object], ...] = ()
    usage: tuple[int, int] | None = (11, 5)
    own: "Whole | None" = None


@dataclass(frozen=True)
class Refused:
    """An error status. `own`: the upstream's status, which a client of its protocol hears verbatim."""

    kind: Kind
    own: int | None = None


@dataclass(frozen=True)
class Broken:
    """A stream that began, and ended in an error event; what came of the text is the beginning of `text`."""

    kind: Kind
    text: str = FULL


@dataclass(frozen=True)
class Torn:
    """As `Broken`, or `Refused` where the network delivered the tear before the words."""

    kind: Kind
    text: str = FULL


@dataclass(frozen=True)
class Unreadable:
    """The SDK itself finds the model's words unreadable, as it would those of the real service."""

    complaint: str


Ending = Whole | Refused | Broken | Torn | Unreadable


@dataclass(frozen=True)
class Heard:
    """What a client made of an exchange: `status` 200 with a `word` is a stream that broke."""

    status: int
    word: str = ""
    text: str = ""
    stop: str = ""
    calls: tuple[tuple[str, object], ...] = ()
    usage: tuple[int, int] = (0, 0)
    told: str = ""


def fits(ending: Ending, heard: Heard, protocol: str, *, verbatim: bool) -> bool:
    """Whether what a client of `protocol` heard is the `ending`; `verbatim`: the upstream speaks it too."""
    match ending:
        case Whole():
            whole = ending.own if verbatim and ending.own is not None else ending
            counted = _is_sane(heard) if whole.usage is None else whole.usage in {heard.usage, UNTOLD}
            stop = "stop" if whole.stop in WORDLESS.get(protocol, ()) else whole.stop
            said = (heard.status, heard.word, heard.text, heard.stop, heard.calls)
            return counted and said == (200, "", whole.text, stop, whole.calls)
        case Refused(own=int() as own) if verbatim:
            return heard.status == own and not heard.text
        case Refused(kind=kind):
            return (heard.status, heard.word) == SAID_AS[protocol][kind] and not heard.text
        case Broken(kind=kind, text=text):
            _, word = SAID_AS[protocol][kind]
            return (heard.status, heard.word) == (200, word) and text.startswith(heard.text)
        case Torn(kind=kind, text=text):
            begun = Broken(kind, text) if heard.status == 200 else Refused(kind)
            return fits(begun, heard, protocol, verbatim=verbatim)
        case Unreadable(complaint=complaint):
            return heard.status == 200 and complaint in heard.word


def _is_sane(heard: Heard) -> bool:
    return all(0 <= count <= SANE for count in heard.usage)
