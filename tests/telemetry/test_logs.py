"""The log as it is written."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from gateway.telemetry import logs
from tests import logging_state

SECRET = "planted-9f8e7d6c5b4a"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _former_logging() -> Iterator[None]:
    with logging_state.put_back():
        yield


def logger() -> structlog.stdlib.BoundLogger:
    bound: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger()
    return bound


def test_a_record_is_one_line_of_json_where_nobody_watches() -> None:
    stream = io.StringIO()
    logs.configure("info", "auto", stream)
    logger().info("request", model="m\nx", attempts=1, total_ms=1.5, stop=None, losses=["a"])
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert list(record)[:3] == ["timestamp", "level", "event"]
    assert record.pop("timestamp").endswith("Z")
    assert record == {
        "level": "info",
        "event": "request",
        "model": "m\nx",
        "attempts": 1,
        "total_ms": 1.5,
        "stop": None,
        "losses": ["a"],
    }


def test_a_terminal_gets_coloured_text() -> None:
    stream = Terminal()
    logs.configure("info", "auto", stream)
    logger().info("request", attempts=1)
    assert "\x1b[" in stream.getvalue()
    assert "request" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_a_configured_format_wins_over_what_the_stream_is() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    logs.configure("info", "json", terminal)
    logger().info("request")
    logs.configure("info", "text", pipe)
    logger().info("request")
    assert json.loads(terminal.getvalue())["event"] == "request"
    assert "\x1b" not in pipe.getvalue()
    assert "[info     ] request" in pipe.getvalue()


def test_what_a_client_wrote_neither_moves_the_cursor_nor_begins_a_line() -> None:
    stream = io.StringIO()
    logs.configure("info", "text", stream)
    logger().info("request", model="a\x1b[2J\n2026 [error] forged", user=["b\x1b[2J"])
    assert stream.getvalue().count("\n") == 1
    assert "\x1b" not in stream.getvalue()
    assert "2026 [error] forged" in stream.getvalue()


def test_records_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    logs.configure("warning", "json", stream)
    logger().info("request")
    logger().warning("attempt_failed")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["attempt_failed"]


def test_bound_context_is_on_every_record() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        logger().info("request")
    assert json.loads(stream.getvalue())["request_id"] == "r1"


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_traceback_shows_where_but_no_variables_and_no_secrets(log_format: logs.Format) -> None:
    stream = io.StringIO()
    logs.configure("info", log_format, stream, [SECRET])
    local = "kept to itself " + "really"

    def fail() -> None:
        if local:
            raise ValueError(f"no luck with {SECRET}")

    try:
        fail()
    except ValueError:
        logger().exception("request_failed")
    written = stream.getvalue()
    assert "in fail" in written
    assert "ValueError: no luck with [redacted]" in written
    assert "kept to itself really" not in written
    assert SECRET not in written


def test_an_exception_may_be_handed_over_as_a_value() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logger().error("background_task_crashed", exc_info=ValueError("far away"))
    logger().error("nothing_raised", exc_info=True)
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first["exception"] == "ValueError: far away"
    assert "exception" not in second


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_planted_secret_reaches_no_record(log_format: logs.Format) -> None:
    stream = io.StringIO()
    logs.configure("debug", log_format, stream, [SECRET])
    logger().info("request", key=SECRET, headers={"Authorization": f"Bearer {SECRET}"}, body=SECRET.encode())
    logger().info(f"event {SECRET}")
    logging.getLogger("library").warning("careful: %s", SECRET)
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count("[redacted]") == 5


def test_libraries_are_heard_in_the_same_form() -> None:
    stream = io.StringIO()
    logs.configure("info", "json", stream)
    logging.getLogger("library").info("chatter")
    logging.getLogger("library").warning("lost %s", "it", exc_info=OSError("gone"))
    (line,) = stream.getvalue().splitlines()
    record = json.loads(line)
    assert (record["event"], record["level"], record["logger"]) == ("lost it", "warning", "library")
    assert record["exception"].endswith("OSError: gone")


def test_configuring_again_replaces_what_was() -> None:
    former, present = io.StringIO(), io.StringIO()
    logs.configure("info", "json", former)
    logs.configure("info", "json", present)
    logging.getLogger("library").warning("once")
    logger().info("request")
    assert former.getvalue() == ""
    assert len(present.getvalue().splitlines()) == 2
