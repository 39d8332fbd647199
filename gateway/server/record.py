"""The canonical log line: one per admitted request, everything on it."""

import structlog

from gateway.relay.exchange import Exchange

log = structlog.stdlib.get_logger()


def log_request(exchange: Exchange, total_s: float) -> None:
    """Write the line of one request, however it ended."""
    record, usage = exchange.record, exchange.record.usage
    said = usage is not None and (usage.input_tokens is not None or usage.output_tokens is not None)
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
        outcome=record.outcome,
        stop=record.stop,
        input_tokens=usage.input_tokens if usage is not None else None,
        output_tokens=usage.output_tokens if usage is not None else None,
        usage_source="provider" if said else "none",
        losses=record.losses.dropped,
        repairs=record.losses.repaired,
        first_content_ms=_ms(record.first_content_s),
        total_ms=_ms(total_s),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
