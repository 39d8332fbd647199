"""Conversations as the official SDKs hold them: one face for all, so that each test runs with every SDK.

What a model said is kept in the SDK's own words and sent back as its documentation tells users to.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel

KEY = "sdk-client-key-51ce"

Client = TypeVar("Client")

Errors: TypeAlias = Mapping[str, tuple[int, type[Exception]]]


@dataclass(frozen=True)
class Tool:
    """A function that the test runs itself; all its fields are strings and required."""

    name: str
    fields: tuple[str, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """Its parameters."""
        return {
            "type": "object",
            "properties": {name: {"type": "string"} for name in self.fields},
            "required": [*self.fields],
        }


WRITE = Tool("write_file", ("path", "content"))
READ = Tool("read_file", ("path",))


@dataclass(frozen=True)
class Wish:
    """What is asked for beside the conversation itself; `settings` in the words of the SDK, they win."""

    model: str
    stream: bool = False
    system: str | None = None
    tools: tuple[Tool, ...] = ()
    forced: str | None = None
    thinks: bool = False
    shape: type[BaseModel] | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Call:
    """The model wants a tool run."""

    id: str
    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Heard:
    """A reply, as far as all SDKs agree on it."""

    text: str
    calls: Sequence[Call] = ()
    thought: str = ""
    parsed: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Conversation(Protocol):
    """One conversation of one SDK."""

    messages: list[Any]
    errors: ClassVar[Errors]

    def say(self, words: str) -> None:
        """The user speaks."""

    def show(self, words: str, mime: str, data: str) -> None:
        """The user speaks and hands over a file, given in base64."""

    def results(self, results: Mapping[str, str]) -> None:
        """What the calls returned, by their ids."""

    async def hear(self, gateway: str, wish: Wish, key: str = KEY) -> Heard:
        """Ask `gateway` for the next turn, and keep it."""
        ...


class Held(Generic[Client]):
    """What the SDKs have in common. `errors` are what they raise, by what went wrong, and the status that
    those name.
    """

    errors: ClassVar[Errors]

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def say(self, words: str) -> None:
        """The user speaks."""
        self.messages.append({"role": "user", "content": words})

    async def hear(self, gateway: str, wish: Wish, key: str = KEY) -> Heard:
        """Ask `gateway` for the next turn, and keep it."""
        async with self._client(gateway, key) as client:
            settings = self._settings(wish)
            return await (self._streamed if wish.stream else self._whole)(client, settings)

    @abstractmethod
    def _client(self, gateway: str, key: str) -> AbstractAsyncContextManager[Client]: ...

    @abstractmethod
    def _settings(self, wish: Wish) -> dict[str, Any]: ...

    @abstractmethod
    async def _streamed(self, client: Client, settings: dict[str, Any]) -> Heard: ...

    @abstractmethod
    async def _whole(self, client: Client, settings: dict[str, Any]) -> Heard: ...
