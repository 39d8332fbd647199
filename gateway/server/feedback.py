"""What clients say of answers: a bad one counts against the deployment that gave it."""

from dataclasses import dataclass
from typing import Annotated

import structlog
from aiohttp import web
from pydantic import Field

from gateway import errors
from gateway.access.complaints import Answer, Complaint
from gateway.canonical.json import JsonObject
from gateway.server import body
from gateway.server.answers import Question, answering, asked
from gateway.server.caller import client_of
from gateway.server.http import Server

_MOST_BYTES = 16 * 1024
_MOST_WORDS = 200
"""Of a reason that are written to the log."""

log = structlog.stdlib.get_logger()


class Dissatisfaction(Question):
    """Which answer was no good, by the id of its request, and why."""

    request_id: Annotated[str, Field(min_length=1, max_length=64)]
    reason: str = ""


@dataclass(slots=True, frozen=True)
class Feedback:
    """Takes complaints of the clients of `server`."""

    server: Server

    def routes(self) -> list[web.RouteDef]:
        """The one there is."""
        return [web.post("/api/feedback", answering(self.server, self._take), expect_handler=body.expect)]

    async def _take(self, request: web.Request) -> JsonObject:
        client = client_of(self.server.admitted(request))
        said = await asked(self.server, request, Dissatisfaction, _MOST_BYTES)
        complaint, answer = self.server.complaints.complain(client, said.request_id)
        if complaint is Complaint.UNKNOWN:
            raise errors.NotFound(f"request_id: {complaint}", param="request_id")
        counts = answer is not None and self._judged(answer)
        log.warning(
            "complaint",
            request_id=said.request_id,
            deployment=None if answer is None else answer.deployment,
            counts=counts,
            reason=said.reason[:_MOST_WORDS],
        )
        if answer is not None and not counts:
            return {"counts": False, "why": "the deployment is left alone already"}
        return {"counts": counts, "why": complaint.value}

    def _judged(self, answer: Answer) -> bool:
        """Whether the deployment that gave `answer` is blamed for it."""
        pools = self.server.generator.pools
        members = (member for member in pools[answer.pool].members if member.id == answer.deployment)
        return any(pools.complained(member, answer.model) for member in members)
