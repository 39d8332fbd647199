"""Every recorded request, passed to an upstream of its own protocol: the same bytes, but for the model's
name.

The bodies are spelled as no serialiser would: escapes, white space, large and idle digits, unknown fields.
Two more edits belong to the closed list: usage is asked for where only the gateway wants to know it, and
reasoning that nobody signed is kept from an upstream that takes only what it signed; that is named.
"""

import json
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from tests.corpus.conftest import Report, request_line
from tests.corpus.one_model import PROVIDERS, asked, one_model, route
from tests.corpus.recordings import Recording, recordings
from tests.gateways import running
from tests.upstreams import Play, playing

pytestmark = [pytest.mark.shared, pytest.mark.slow]

UPSTREAM_MODEL = "probe-upstream-1"
ODDITIES = (
    r', "x_unknown" : { "large":9007199254740993,"one": 1.0, "power":1E+2, "slash":"\/", "e\u0301":"\u00e9" }'
)
REFUSAL = Play([b'{"error":{"message":"enough"}}'], 400, content_type="application/json")
"""What the upstream answers is of no matter here, and this leaves the deployment in good health."""


def spelled(body: dict[str, Any]) -> bytes:
    """`body` in JSON of an unusual hand."""
    return (json.dumps(body, separators=(" , ", ":  "))[:-1] + ODDITIES + "}").encode()


def edited(recording: Recording) -> bytes:
    """What the upstream is to be sent."""
    body = asked(recording)
    prefix = "models/" if recording.protocol == "gemini" else ""
    sent = spelled({**body, "model": prefix + UPSTREAM_MODEL} if "model" in body else body)
    if recording.protocol == "openai_chat" and body.get("stream") and "stream_options" not in body:
        sent = b'{"stream_options":{"include_usage":true},' + sent[1:]
    return sent


@pytest.mark.parametrize("protocol", PROVIDERS)
async def test_every_recorded_request_reaches_an_upstream_of_its_protocol_byte_by_byte(
    protocol: str, report: Report
) -> None:
    requests = [one for one in recordings(protocol) if one.request is not None]
    changed: list[str] = []
    async with (
        playing(REFUSAL) as upstream,
        running(one_model(protocol, upstream.url, UPSTREAM_MODEL)) as gateway,
    ):
        async with aiohttp.ClientSession(gateway) as session:
            for recording in requests:
                with capture_logs() as log:
                    async with session.post(route(recording), data=spelled(asked(recording))) as reply:
                        assert reply.status == 400, recording.name
                    line = await request_line(log)
                if upstream.heard.pop().body != edited(recording):
                    changed.append(f"{recording.name} {line['losses']}")
    report(f"{protocol} requests: {len(requests) - len(changed)} of {len(requests)} arrive byte by byte")
    assert changed == []
    assert requests
