"""The `ollama` SDK as a client."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import ollama

from tests.chaos.client import DEADLY, PATIENCE_S, QUESTION, Client, counted, died, failed, unwrapped
from tests.chaos.endings import Heard


class Ollama:
    """The `ollama` SDK."""

    def __init__(self, sdk: ollama.AsyncClient) -> None:
        self._sdk = sdk

    async def hear(self, model: str, *, stream: bool) -> Heard:
        """Ask `model` something and tell what came of it."""
        asked: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": QUESTION}]}
        lines: list[ollama.ChatResponse] = []
        said: list[str] = []
        try:
            if not stream:
                return _joined([await self._sdk.chat(**asked)])
            async for line in await self._sdk.chat(**asked, stream=True):
                lines.append(line)
                said.append(line.message.content or "")
            return _joined(lines)
        except ollama.ResponseError as error:
            # The SDK knows the status of a refusal, and none of a line that says there was an error.
            status = error.status_code if error.status_code > 0 else 200
            return failed(status, "error" if error.error else "", said, str(error.error))
        except httpx.HTTPError as error:
            return failed(200, "", said, repr(error))
        except DEADLY as error:
            return died(error, said)


def _joined(lines: list[ollama.ChatResponse]) -> Heard:
    """A whole reply, or all lines of a stream. One that no line calls done was cut."""
    calls = [call.function for line in lines for call in line.message.tool_calls or ()]
    last = next((line for line in lines if line.done), None)
    stop = (last.done_reason or "") if last is not None else ""
    return Heard(
        200,
        text="".join(line.message.content or "" for line in lines),
        stop="tool_calls" if calls and stop == "stop" else stop,
        calls=tuple((call.name, unwrapped(dict(call.arguments))) for call in calls),
        usage=(counted(last.prompt_eval_count), counted(last.eval_count)) if last is not None else (-1, -1),
    )


@asynccontextmanager
async def speaking_ollama(gateway: str) -> AsyncIterator[Client]:
    """The `ollama` SDK as a client of `gateway`."""
    sdk = ollama.AsyncClient(host=f"{gateway}/ollama", timeout=PATIENCE_S)
    try:
        yield Ollama(sdk)
    finally:
        await sdk.close()  # type: ignore[no-untyped-call]  # the SDK forgot to say what it returns
