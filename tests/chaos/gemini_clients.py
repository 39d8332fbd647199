"""The `google-genai` SDK as a client, and one without an SDK for the array that no SDK asks for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import httpx
from google import genai
from google.genai import errors, types
from pydantic import ValidationError

from gateway.wire.fast_json import loads
from tests.chaos.client import DEADLY, KEY, PATIENCE_S, QUESTION, Client, died, failed, unwrapped
from tests.chaos.endings import Heard

_STOPS = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}


class Gemini:
    """The `google-genai` SDK, which asks for server-sent events."""

    def __init__(self, sdk: genai.client.AsyncClient) -> None:
        self._sdk = sdk

    async def hear(self, model: str, *, stream: bool) -> Heard:
        """Ask `model` something and tell what came of it."""
        said: list[str] = []
        records: list[Any] = []
        try:
            if not stream:
                whole = await self._sdk.models.generate_content(model=model, contents=QUESTION)
                return _joined([_as_sent(whole)])
            async for reply in await self._sdk.models.generate_content_stream(model=model, contents=QUESTION):
                records.append(_as_sent(reply))
                said.append(_words(records[-1]))
            return _joined(records)
        except errors.APIError as error:
            # Of a refusal the SDK keeps the HTTP reply, of a stream that broke only its own wrapping.
            status = error.code if isinstance(error.response, aiohttp.ClientResponse) else 200
            return failed(status, f"{error.code} {error.status}", said, str(error.details))
        except (aiohttp.ClientError, httpx.HTTPError) as error:
            return failed(200, "", said, repr(error))
        except DEADLY as error:
            return died(error, said)


class GeminiArray:
    """What asks without `alt=sse`, and so is answered in one JSON array that grows."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def hear(self, model: str, *, stream: bool) -> Heard:
        """Ask `model` something and tell what came of it."""
        assert stream, "a whole reply is the same to all Gemini clients"
        body = bytearray()
        torn = False
        asked = {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]}
        async with self._http.stream(
            "POST", f"/v1beta/models/{model}:streamGenerateContent", json=asked
        ) as reply:
            try:
                async for chunk in reply.aiter_bytes():
                    body += chunk
            except httpx.RemoteProtocolError:
                torn = True
        return _read(reply.status_code, bytes(body), torn=torn)


def _read(status: int, body: bytes, *, torn: bool) -> Heard:
    """An array as one reads it who looks at every record and at how it ended: a broken one stays open. Empty
    lines before it say that it takes its time.
    """
    body = body.lstrip()
    open_ended = body.startswith(b"[") and not body.endswith(b"]")
    payload: Any = loads(body + b"]" if open_ended else body)
    records = payload if isinstance(payload, list) else [payload]
    error = records[-1].get("error") if records else None
    try:
        _check(records)
    except ValidationError as refusal:
        return died(refusal, [])
    said = [_words(record) for record in records]
    if status == 200 and open_ended == torn == (error is not None):
        return failed(status, _word(error), said, str(error)) if error else _joined(records)
    word = _word(error) if status != 200 else f"error {error}, open {open_ended}, torn {torn}"
    return failed(status, word, said, str(error))


def _word(error: Any) -> str:
    return f"{error['code']} {error['status']}"


def _check(records: list[Any]) -> None:
    """Refuse what the SDK would."""
    for record in records:
        types.GenerateContentResponseUsageMetadata.model_validate(record.get("usageMetadata") or {})
        for part in _parts(record):
            types.FunctionCall.model_validate(part.get("functionCall") or {})


def _as_sent(reply: types.GenerateContentResponse) -> Any:
    """What the SDK made of a record, in the words of the wire."""
    return reply.model_dump(mode="json", by_alias=True, exclude_none=True)


def _words(record: Any) -> str:
    return "".join(part.get("text") or "" for part in _parts(record))


def _parts(record: Any) -> list[Any]:
    candidates = record.get("candidates") or [{}]
    return (candidates[0].get("content") or {}).get("parts") or []


def _joined(records: list[Any]) -> Heard:
    """A whole reply, or all records of a stream."""
    calls = [part["functionCall"] for record in records for part in _parts(record) if "functionCall" in part]
    counts: Any = next((one["usageMetadata"] for one in reversed(records) if one.get("usageMetadata")), {})
    usage = types.GenerateContentResponseUsageMetadata.model_validate(counts)
    return Heard(
        200,
        text="".join(map(_words, records)),
        stop=_stop(records, called=bool(calls)),
        calls=tuple((call["name"], unwrapped(call.get("args"))) for call in calls),
        usage=(usage.prompt_token_count or 0, usage.candidates_token_count or 0),
    )


def _stop(records: list[Any], *, called: bool) -> str:
    """The one word for why it ended, empty if nothing says so: such a stream was cut."""
    if any((record.get("promptFeedback") or {}).get("blockReason") for record in records):
        return "content_filter"
    candidates = [one for record in records for one in record.get("candidates") or ()]
    word = next((one["finishReason"] for one in reversed(candidates) if one.get("finishReason")), "")
    return "tool_calls" if called and word == "STOP" else _STOPS.get(word, word)


@asynccontextmanager
async def speaking_gemini(gateway: str) -> AsyncIterator[Client]:
    """The `google-genai` SDK as a client of `gateway`."""
    options = types.HttpOptions(base_url=gateway, timeout=int(PATIENCE_S * 1000))
    async with genai.Client(api_key=KEY, http_options=options).aio as sdk:
        yield Gemini(sdk)


@asynccontextmanager
async def speaking_gemini_array(gateway: str) -> AsyncIterator[Client]:
    """A client of `gateway` that reads arrays."""
    async with httpx.AsyncClient(
        base_url=gateway, headers={"x-goog-api-key": KEY}, timeout=PATIENCE_S
    ) as http:
        yield GeminiArray(http)
