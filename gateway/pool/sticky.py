"""Which deployment holds the prompt cache of which conversation."""

from dataclasses import dataclass, field

from gateway.pool.deployment import Deployment

LIFE_S = 3600.0
"""Longer no provider keeps what it has read."""


@dataclass(slots=True)
class Sticky:
    """Remembers at most `most` conversations; the longest unused is forgotten first. Only those deployments
    count whose provider keeps what an account has read, unless `always`.
    """

    always: bool = False
    most: int = 10_000
    _holders: dict[bytes, tuple[Deployment, float]] = field(default_factory=dict)

    def holder(self, conversation: bytes, now: float) -> Deployment | None:
        """Who answered `conversation` last, None if that is too long ago."""
        deployment, until = self._holders.get(conversation, (None, now))
        return deployment if now < until else None

    def hold(self, conversation: bytes, deployment: Deployment, now: float) -> None:
        """`deployment` has answered `conversation`."""
        self._holders.pop(conversation, None)
        if not self.always and not deployment.provider.caches_prompts:
            return
        self._holders[conversation] = deployment, now + LIFE_S
        if len(self._holders) > self.most:
            del self._holders[next(iter(self._holders))]


def sticky_for(wanted: bool | None, deployments: tuple[Deployment, ...]) -> Sticky | None:  # noqa: FBT001 - a setting
    """What remembers who of `deployments` holds what; None where that is not `wanted` (None: where it helps)
    or there is no choice.
    """
    caching = wanted or any(member.provider.caches_prompts for member in deployments)
    return Sticky(always=wanted is True) if wanted is not False and caching and len(deployments) > 1 else None
