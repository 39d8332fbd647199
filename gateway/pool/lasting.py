"""What outlives the process: things that write down how they stand, and under what name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.canonical.json import JsonValue
from gateway.timing import Calendar


class Lasting(Protocol):
    """A thing that can go on where one like it ended."""

    def facts(self, calendar: Calendar) -> JsonValue:
        """How it stands, for `recall`; None: like a new one."""

    def recall(self, facts: Any, calendar: Calendar) -> None:
        """Go on from `facts`.

        Raises:
            LookupError, TypeError, ValueError: they are none; nothing has changed.
        """


@dataclass(slots=True, frozen=True)
class Estate:
    """Things that are remembered together: those of one `owner`, which is called so in every process."""

    owner: str
    things: Mapping[str, Lasting]

    def facts(self, calendar: Calendar) -> dict[str, JsonValue]:
        """How they stand, without those that are like new."""
        said = ((name, thing.facts(calendar)) for name, thing in self.things.items())
        return {name: facts for name, facts in said if facts is not None}
