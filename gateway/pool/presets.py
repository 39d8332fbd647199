"""The failure policies that come with the gateway (`failure_policies.yaml`), and what is made of them."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from gateway.pool.policy import Consequence, Policy, Rest, Scope, Until, Verdict

DEFAULT = "adaptive"


class Row(BaseModel):
    """One row as it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rest: float = Field(ge=0)
    verdict: Verdict = Verdict.NEXT_DEPLOYMENT
    scope: Scope = Scope.MODEL
    factor: float = Field(1, ge=1)
    longest: float = Field(float("inf"), gt=0)
    jitter: float = Field(0, ge=0, lt=1)
    after: int = Field(1, gt=0)
    share: float | None = Field(None, gt=0, le=1)
    of: int = Field(20, gt=0)
    within: float = Field(30, gt=0)
    obeys: bool = False
    counts: bool = True
    until: Until = Until.TIME

    def consequence(self) -> Consequence:
        """What it says; nobody rests for no time."""
        rest = Rest(
            first_s=self.rest,
            scope=self.scope,
            factor=self.factor,
            longest_s=self.longest,
            jitter=self.jitter,
            after=self.after,
            share=self.share,
            of=self.of,
            within_s=self.within,
            obeys=self.obeys,
            counts=self.counts,
            until=self.until,
        )
        return Consequence(self.verdict, rest if self.rest > 0 else None)


@cache
def presets() -> Mapping[str, Mapping[str, Row]]:
    """The rows of every preset, by its name."""
    document = yaml.safe_load(files(__package__).joinpath("failure_policies.yaml").read_text("utf-8"))
    return {
        name: {kind: Row.model_validate(row) for kind, row in rows.items()} for name, rows in document.items()
    }


@cache
def preset(name: str = DEFAULT) -> Policy:
    """The failure policy of that name."""
    return policy(name, {})


def policy(name: str, changes: Mapping[str, Mapping[str, Any]]) -> Policy:
    """The preset `name`, its rows changed in the fields that `changes` say.

    Raises:
        ValidationError: a row cannot be what it is changed to.
    """
    return Policy(
        {
            kind: Row.model_validate({**row.model_dump(), **changes.get(kind, {})}).consequence()
            for kind, row in presets()[name].items()
        }
    )
