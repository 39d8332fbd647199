"""Every recorded reply, told by a gateway to clients and read by their official SDKs."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anthropic
import openai
import pytest
from structlog.testing import capture_logs

from tests import gateways
from tests.corpus.conftest import Report, request_line
from tests.corpus.recordings import Recording, recordings
from tests.corpus.sdk_readers import SDKS
from tests.corpus.told import READERS, STOPS, Told
from tests.upstreams import FakeUpstream, Play, playing

pytestmark = [pytest.mark.shared, pytest.mark.slow]

OTHER: Mapping[str, str] = {"anthropic": "openai_chat", "openai_chat": "anthropic"}

REFUSED_WITH_200 = {"openai_chat/json/azure-openllmetry-testing-a84bb3ef.json"}
"""The status says success, the body says that the prompt was filtered."""

SEEN_AS: Mapping[int, int] = {200: 400, 400: 400, 401: 502, 404: 404, 429: 429}
"""The status a client sees for an upstream's refusal: the gateway's own keys are none of its business."""

CLASSES: Mapping[str, Mapping[int, type[Exception]]] = {
    "anthropic": {
        400: anthropic.BadRequestError,
        404: anthropic.NotFoundError,
        429: anthropic.RateLimitError,
        502: anthropic.InternalServerError,
    },
    "openai_chat": {
        400: openai.BadRequestError,
        404: openai.NotFoundError,
        429: openai.RateLimitError,
        502: openai.InternalServerError,
    },
}


@asynccontextmanager
async def in_front_of(upstream: FakeUpstream, protocol: str) -> AsyncIterator[str]:
    """A gateway to an upstream that speaks `protocol`."""
    configured = {"anthropic": gateways.anthropic, "openai_chat": gateways.openai}[protocol]
    async with gateways.running(configured(upstream.url)) as base_url:
        yield base_url


def played(recording: Recording) -> Play:
    kind = "text/event-stream" if recording.stream else "application/json"
    return Play([recording.reply], recording.status, content_type=kind)


def is_refusal(recording: Recording) -> bool:
    return recording.status != 200 or recording.name in REFUSED_WITH_200


def differences(recorded: Told, told: Told, stops: Mapping[str, str]) -> list[str]:
    """What a client was told that the recording does not say, and the other way round."""
    stop = stops[recorded.stop]
    if recorded.calls and stop in {"stop", "end_turn"}:
        stop = "tool_calls" if stop == "stop" else "tool_use"
    pairs = {
        "stop": (stop, told.stop),
        "calls": (recorded.calls, told.calls),
        "thought": (recorded.thought, told.thought),
        "read": (recorded.read, told.read),
        "written": (recorded.written, told.written),
    }
    found = [
        f"{name}: {was!r} became {now!r}" for name, (was, now) in pairs.items() if was not in (None, now)
    ]
    text = "".join(told.spoken)
    return found if stand_in(recorded.spoken, text) else [*found, f"text: {recorded.spoken} became {text!r}"]


def stand_in(runs: list[str], text: str) -> bool:
    """Whether `text` is `runs`, one after the other, with nothing but renderings between them."""
    first, *others = runs
    if not others:
        return text == first
    at = len(first)
    for run in others:
        begins = text.find(run, at)
        if begins < 0:
            return False
        at = begins + len(run)
    is_rendered = len(text) > sum(map(len, runs))
    return is_rendered and text.startswith(first) and text.endswith(others[-1])


@pytest.mark.parametrize("protocol", READERS)
async def test_every_recorded_reply_says_the_same_to_a_client_of_the_other_protocol(
    protocol: str, report: Report
) -> None:
    replies = [
        one for one in recordings(protocol) if not is_refusal(one) and "expect_error" not in one.features
    ]
    client, changed = OTHER[protocol], dict[str, list[str]]()
    async with playing(Play()) as upstream, in_front_of(upstream, protocol) as gateway:
        for recording in replies:
            upstream.script = [played(recording)]
            recorded = READERS[protocol](recording.reply, stream=recording.stream)
            with capture_logs() as log:
                told = await SDKS[client](gateway, stream=recording.stream)
                line = await request_line(log)
            found = differences(recorded, told, STOPS[protocol])
            if len(recorded.spoken) > 1 and not line["losses"]:
                found.append("rendered without being named as a loss")
            if found:
                changed[recording.name] = found
    same = len(replies) - len(changed)
    report(f"{protocol} replies to a client of {client}: {same} of {len(replies)} say the same")
    assert changed == {}
    assert replies


@pytest.mark.parametrize("client", SDKS)
@pytest.mark.parametrize("protocol", READERS)
async def test_every_recorded_refusal_raises_the_right_error_in_a_client(
    protocol: str, client: str, report: Report
) -> None:
    refusals = [one for one in recordings(protocol) if is_refusal(one)]
    for recording in refusals:
        async with playing(played(recording)) as upstream, in_front_of(upstream, protocol) as gateway:
            status = SEEN_AS[recording.status]
            with pytest.raises(CLASSES[client][status]) as caught:
                await SDKS[client](gateway, stream=recording.stream)
        assert isinstance(caught.value, (anthropic.APIStatusError, openai.APIStatusError))
        assert caught.value.status_code == status, recording.name
    report(
        f"{protocol} refusals to a client of {client}: {len(refusals)} of {len(refusals)} raise the right"
        " error"
    )
    assert refusals


@pytest.mark.parametrize("client", SDKS)
async def test_every_recorded_stream_that_fails_raises_in_a_client(client: str, report: Report) -> None:
    failing = [one for one in recordings() if "expect_error" in one.features and one.protocol in READERS]
    for recording in failing:
        async with (
            playing(played(recording)) as upstream,
            in_front_of(upstream, recording.protocol) as gateway,
        ):
            with pytest.raises((anthropic.APIError, openai.APIError)):
                await SDKS[client](gateway, stream=True)
    report(f"streams that fail, to a client of {client}: {len(failing)} of {len(failing)} raise")
    assert failing
