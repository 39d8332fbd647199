"""From an upstream's refusal (status, headers, what its error body says) to the error that policy and clients
understand.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from gateway import errors

MAX_MESSAGE = 2048
"""How many characters of an upstream's own words are passed on."""

_KEY = re.compile(
    r"\b(?:(?:sk|pk|rk|gsk|xai|ghp|hf|nvapi|r8)[-_]|AIza|ya29\.)[-_.A-Za-z0-9*]{6,}"
    r"|\beyJ[\w-]{8,}\.[\w.-]+"
    r"|(?<=[?&]key=)[^&\s\"']+"
    r"|(?i:(?<=bearer )\S+)"
)
_URL = re.compile(r"https?://\S+")
_AGAIN = re.compile(
    r"(?:try again|retry) in (?=\d)(?:(\d{1,5})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?) ?(ms|s))?",
    re.IGNORECASE,
)
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_CONTEXT = re.compile(
    r"context.?length|context.?window|prompt is too long|maximum context|too many (?:input )?tokens"
    r"|input is too long|exceeds? the (?:maximum|available) .{0,30}tokens",
    re.IGNORECASE,
)
_BILLING = re.compile(
    r"credit balance|insufficient.?(?:quota|balance|credit|funds)|billing|payment", re.IGNORECASE
)
_SPENT = re.compile(r"insufficient_quota|spend.?limit", re.IGNORECASE)
_POLICY = re.compile(r"content.?(?:policy|filter)|safety system|moderation", re.IGNORECASE)

_BY_STATUS: Mapping[int, type[errors.UpstreamError]] = {
    400: errors.RequestRefused,
    401: errors.CredentialRejected,
    402: errors.QuotaExhausted,
    403: errors.CredentialRejected,
    404: errors.ModelUnavailable,
    408: errors.UpstreamTimeout,
    413: errors.RequestTooLarge,
    422: errors.RequestRefused,
    429: errors.RateLimited,
    503: errors.Overloaded,
    504: errors.UpstreamTimeout,
    529: errors.Overloaded,
}


@dataclass(slots=True, frozen=True)
class Said:
    """What an error body said, as far as its codec could read it. `words` joins type, status and code."""

    message: str = ""
    words: str = ""
    param: str | None = None
    retry_after_s: float | None = None


def upstream_error(status: int, headers: Mapping[str, str], body: bytes, said: Said) -> errors.UpstreamError:
    """The error that a refusal tells. `headers` have lower-case names.

    The message is the upstream's own, without keys and addresses, cut to `MAX_MESSAGE` characters.
    """
    kind = _refine(_BY_STATUS.get(status, errors.UpstreamFailed), status, f"{said.words} {said.message}")
    if status == 403 and body.lstrip().startswith(b"<"):
        # A page comes from a wall in front of the API, which says nothing of the key.
        kind = errors.UpstreamFailed
    return kind(
        clean(said.message) or f"the upstream answered with HTTP status {status}",
        param=said.param,
        retry_after_s=retry_after(headers, said),
        upstream_status=status,
        upstream_body=body,
        upstream_request_id=headers.get("x-request-id") or headers.get("request-id"),
    )


def _refine(kind: type[errors.UpstreamError], status: int, words: str) -> type[errors.UpstreamError]:
    if status == 429:
        return errors.QuotaExhausted if _SPENT.search(words) else kind
    if status != 400:
        return kind
    if _CONTEXT.search(words):
        return errors.ContextTooLong
    if _BILLING.search(words):
        return errors.QuotaExhausted
    return errors.ContentRefused if _POLICY.search(words) else kind


def retry_after(headers: Mapping[str, str], said: Said) -> float | None:
    """Seconds to wait, from the headers, the body's own field, or its words; None if nothing says it."""
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _SECONDS.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    seconds = _seconds(headers.get("retry-after", "").strip(), headers.get("date", ""))
    if seconds is not None:
        return seconds
    return said.retry_after_s if said.retry_after_s is not None else _in_words(said.message)


def _in_words(message: str) -> float | None:
    """`Please try again in 1m20.5s`, as several vendors say it."""
    found = _AGAIN.search(message)
    if found is None or not any(found.groups()):
        return None
    hours, minutes, number, unit = found.groups(default="0")
    return int(hours) * 3600 + int(minutes) * 60 + float(number) / (1000 if unit.lower() == "ms" else 1)


def _seconds(header: str, now: str) -> float | None:
    """A Retry-After in seconds; one that is a date counts from the reply's own date, not from our clock."""
    if _SECONDS.fullmatch(header):
        return float(header)
    try:
        wait = parsedate_to_datetime(header) - parsedate_to_datetime(now)
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())


def clean(message: str) -> str:
    """`message` without what looks like a key or an address, cut to `MAX_MESSAGE` characters."""
    return _URL.sub("[url]", _KEY.sub("[redacted]", message))[:MAX_MESSAGE]
