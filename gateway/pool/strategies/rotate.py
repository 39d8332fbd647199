"""By count: the next model every so many requests, the next account every so many more.

For sites that count requests per model and per key. With three models, every 5 and every 15, one key goes
through all of its models before the next key begins.
"""

from dataclasses import dataclass, field
from math import inf
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.pool.strategies.strategy import Rank, Standing, Strategy


class RotateOptions(BaseModel):
    """`models_every`: requests until the next model's turn; `keys_every`, a multiple of it: until the next
    account's, None meaning when every model of this one has had its turn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    models_every: Annotated[int, Field(gt=0)] = 1
    keys_every: Annotated[int | None, Field(gt=0)] = None

    @model_validator(mode="after")
    def _keys_keep_step_with_models(self) -> Self:
        if self.keys_every is not None and self.keys_every % self.models_every:
            raise ValueError("keys_every must be a multiple of models_every")
        return self


@dataclass(slots=True, eq=False)
class Rotate(Strategy[RotateOptions]):
    """A rank is the number of the step in which the member's turn begins, or began; a step is
    `models_every` requests. A turn that was missed is taken as soon as it can be.
    """

    _count: int = 0
    _wheels: dict[Standing, tuple[int, int]] = field(default_factory=dict)
    _accounts: int = 1
    _models: int = 1

    def __post_init__(self) -> None:
        accounts: dict[str, list[Standing]] = {}
        for member in self.members:
            accounts.setdefault(member.account, []).append(member)
        for account, models in enumerate(accounts.values()):
            self._wheels.update({member: (account, model) for model, member in enumerate(models)})
        self._accounts, self._models = len(accounts), max(map(len, accounts.values()), default=1)

    def rank(self, member: Standing) -> Rank:
        """When its turn begins; those who never have one come last, in order."""
        return self._turn(*self._wheels[member]), member.place

    def start(self, member: Standing) -> None:
        """Count the request, wherever it went."""
        self._count = member.used

    def _turn(self, account: int, model: int) -> float:
        """The first step from now on in which both wheels, of accounts and of models, point at these."""
        now = self._count // self.options.models_every
        if self.options.keys_every is None:
            span = self._models
        else:
            span = self.options.keys_every // self.options.models_every
        round_ = span * self._accounts
        begins = now - now % round_ + account * span
        # After as many rounds as there are models, the wheels stand to each other as they do now.
        for start in range(begins, begins + round_ * (self._models + 1), round_):
            earliest = max(start, now)
            step = earliest + (model - earliest) % self._models
            if step < start + span:
                return step
        return inf
