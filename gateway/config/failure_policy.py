"""What follows from failures, described: a preset, and what is changed of its rows."""

from collections.abc import Mapping
from math import inf
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gateway.config.checks import seconds_of
from gateway.config.sections import Seconds, Section

UNTIL_RESET = "reset"
"""In place of a time: until it is reset, or until a probe succeeds."""


def _rest_of(value: object) -> object:
    return inf if value == UNTIL_RESET else seconds_of(value)


class RowConfig(Section):
    """What is changed of one row; None leaves what the preset says.

    `verdict`: where to go on. `scope`: who rests, the model or the whole credential. `rest`: for how long (0:
    nobody rests). `factor`: each further rest is so many times as long, up to `longest`, more or less by the
    share `jitter`. `after`: failures in a row until then, or a `share` of at least `of` requests `within` a
    time. `obeys`: what the upstream asks for comes first. `counts`: it is a failure, not a request to wait.
    `until`: time, or the end of the account's own period.
    """

    verdict: Literal["next_deployment", "next_pool", "give_up"] | None = None
    scope: Literal["model", "credential"] | None = None
    rest: Annotated[float, BeforeValidator(_rest_of), Field(ge=0)] | None = None
    factor: Annotated[float, Field(ge=1, le=100)] | None = None
    longest: Seconds | None = None
    jitter: Annotated[float, Field(ge=0, lt=1)] | None = None
    after: Annotated[int, Field(gt=0)] | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    of: Annotated[int, Field(gt=0)] | None = None
    within: Annotated[Seconds, Field(le=60)] | None = None
    obeys: bool | None = None
    counts: bool | None = None
    until: Literal["time", "period"] | None = None


def named(value: object) -> object:
    """A policy as it is written: the name of a preset stands for that preset as it is."""
    return {"preset": value} if isinstance(value, str) else value


class FailurePolicyConfig(Section):
    """A preset, and changes of its rows. None: what the pool, or else the gateway, has."""

    preset: Literal["adaptive", "reference"] | None = None
    bad_reply: RowConfig = RowConfig()
    billing: RowConfig = RowConfig()
    credential: RowConfig = RowConfig()
    model: RowConfig = RowConfig()
    network: RowConfig = RowConfig()
    overloaded: RowConfig = RowConfig()
    rate_limit: RowConfig = RowConfig()
    server_error: RowConfig = RowConfig()
    timeout: RowConfig = RowConfig()

    @property
    def changes(self) -> Mapping[str, Mapping[str, Any]]:
        """What it changes, by the names of the rows."""
        rows = self.model_dump(exclude={"preset"}, exclude_none=True)
        return {name: row for name, row in rows.items() if row}


FailurePolicy = Annotated[FailurePolicyConfig, BeforeValidator(named)]
