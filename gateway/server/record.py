"""The canonical log line: one per admitted request, everything on it."""

import structlog

from gateway.canonical.json import JsonObject
from gateway.canonical.usage import Usage
from gateway.errors import FailedAttempt, InvalidRequest, UpstreamError
from gateway.relay.exchange import Exchange

_MOST_WORDS = 200
"""Of what an upstream said of a failure."""

log = structlog.stdlib.get_logger()


def log_request(exchange: Exchange, total_s: float) -> None:
    """Write the line of one request, however it ended."""
    record = exchange.record
    usage, source = _usage(exchange)
    log.info(
        "request",
        request_id=exchange.request_id,
        client=exchange.codec.name,
        model=exchange.asked.model,
        stream=exchange.asked.stream,
        pool=record.pool,
        deployment=record.deployment,
        upstream_model=record.upstream_model,
        lane=record.lane,
        attempts=record.attempts,
        failed=[_told(attempt) for attempt in record.failed],
        outcome=record.outcome,
        stop=record.stop,
        input_tokens=usage.input_tokens if usage is not None else None,
        output_tokens=usage.output_tokens if usage is not None else None,
        usage_source=source,
        losses=record.losses.dropped,
        repairs=record.losses.repaired,
        first_content_ms=_ms(record.first_content_s),
        total_ms=_ms(total_s),
    )


def _told(attempt: FailedAttempt) -> JsonObject:
    """Where it was, and how it failed; without a status where there was none."""
    error = attempt.error
    status = error.upstream_status if isinstance(error, UpstreamError) else None
    return {
        "deployment": attempt.deployment,
        "kind": type(error).__name__,
        "upstream_status": status,
        "reason": error.message[:_MOST_WORDS],
    }


def _usage(exchange: Exchange) -> tuple[Usage | None, str]:
    """What the request cost and who says so: the provider; our estimate of what was read, where words came
    but no count (a client that left, an upstream that does not count); or nobody.
    """
    usage = exchange.record.usage
    if usage is not None and (usage.input_tokens is not None or usage.output_tokens is not None):
        return usage, "provider"
    if exchange.record.first_content_s is None and not exchange.record.stop:
        return usage, "none"
    try:
        return Usage(input_tokens=exchange.meaning.tokens(), estimated=True), "estimated"
    except InvalidRequest:
        # The upstream took what we cannot read.
        return usage, "none"


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
