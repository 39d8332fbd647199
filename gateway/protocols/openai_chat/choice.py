"""One choice of a reply on its way in: deltas, or a whole message as one large delta, become events."""

from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from dataclasses import dataclass
from typing import Any

from gateway.canonical.content import Base64, Media, ToolCall
from gateway.canonical.events import Delta, Event
from gateway.canonical.json import JsonObject, JsonValue
from gateway.canonical.usage import Stop
from gateway.protocols.blocks import Block, Blocks
from gateway.protocols.call_ids import reply_id
from gateway.protocols.codec import Sent
from gateway.protocols.openai_chat.media import NAME, source_of
from gateway.protocols.openai_chat.reasoning import entries_of, entry_signature, entry_text, said_text
from gateway.protocols.openai_chat.reply import decode_citation, decode_stop
from gateway.protocols.openai_chat.tools import decode_signature
from gateway.wire.fast_json import JsonError, dumps, loads


@dataclass(slots=True)
class _Slot:
    """A call on its way: how later fragments name it, and its block."""

    id: str
    index: int | None
    block: Block

    @property
    def name(self) -> str:
        """The tool's name, empty while it has not come."""
        return self.block.part.name if isinstance(self.block.part, ToolCall) else ""


class ChoiceDecoder:
    """The state of one choice. `seed` makes the ids of calls that came without one unique to the reply.

    In a `whole` message each entry of a list is one call; in deltas several may be fragments of one.
    """

    __slots__ = (
        "_audio",
        "_blocks",
        "_number",
        "_plain_reasoning",
        "_refused",
        "_seed",
        "_sent",
        "_slots",
        "_sound",
        "_whole",
        "finish",
        "said",
    )

    def __init__(self, number: int, sent: Sent, seed: str, *, whole: bool = False) -> None:
        self.finish = ""
        self.said = False
        self._number = number
        self._sent = sent
        self._seed = seed
        self._whole = whole
        self._blocks = Blocks(number)
        self._slots: list[_Slot] = []
        self._plain_reasoning = False
        self._refused = False
        self._audio: JsonObject = {}
        self._sound: list[bytes] = []

    def take(self, choice: dict[str, Any], words: tuple[str, str]) -> list[Event]:
        """The events of one entry of `choices`, which speaks in the first of `words` that it has.

        Of two finish reasons the first one counts. Completions of the retired kind say `text`.
        """
        said = choice.get(words[0])
        if not isinstance(said, dict):
            said = choice.get(words[1])
        events = self.decode(said if isinstance(said, dict) else {"content": choice.get("text")})
        logprobs = choice.get("logprobs")
        entries = logprobs.get("content") if isinstance(logprobs, dict) else None
        if isinstance(entries, list) and entries:
            events.append(Delta(0, "logprobs", entries, self._number))
        finish = choice.get("finish_reason")
        details = choice.get("finish_details")
        if finish is None and isinstance(details, dict):
            # OpenAI's first models that saw.
            finish = details.get("type")
        if isinstance(finish, str):
            self.finish = self.finish or finish
        return events

    def decode(self, delta: dict[str, Any]) -> list[Event]:
        """The events of one delta or message: reasoning first, then words, then calls."""
        content = delta.get("content")
        if isinstance(content, str) and content and len(delta) == 1:
            # Words and nothing else are what most of a stream is.
            self.said = True
            return self._blocks.text(content)
        events = self._reasoning(delta)
        if isinstance(content, str):
            if content:
                events += self._blocks.text(content)
        elif isinstance(content, list):
            events += self._content(content)
        refusal = delta.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._refused = True
            events += self._blocks.refusal(refusal)
        for annotation in _list(delta.get("annotations")):
            citation = decode_citation(annotation)
            if citation is not None:
                events += self._blocks.cite(citation)
        for image in _list(delta.get("images")):
            events += self._image(image)
        events += self._calls(delta)
        self._hear(delta.get("audio"))
        self.said = self.said or bool(events)
        return events

    def close(self) -> list[Event]:
        """The choice is complete: what was held back."""
        events = self._blocks.whole(self._media()) if self._sound or self._audio else []
        return events + self._blocks.close()

    def stop(self) -> Stop:
        """Why the choice ended."""
        return decode_stop(self.finish, called=self._blocks.called, refused=self._refused)

    def _reasoning(self, delta: dict[str, Any]) -> list[Event]:
        """Of the fields that say the same reasoning, one; signatures wherever they are.

        Entries repeat the text of the other fields, in the same delta (OpenRouter) or once more as a whole
        behind all of it (this gateway).
        """
        text = said_text(delta.get("reasoning_content")) or said_text(delta.get("reasoning"))
        entries = entries_of(delta.get("reasoning_details"), delta.get("thinking_blocks"))
        detailed = not self._plain_reasoning and any(map(entry_text, entries))
        events: list[Event] = []
        if text and not detailed:
            self._plain_reasoning = True
            events += self._blocks.thinking(text)
        for entry in entries:
            said = entry_text(entry)
            if said and detailed:
                events += self._blocks.thinking(said)
            # An entry's number is its place in this stream.
            ends, signature = entry_signature({name: entry[name] for name in entry if name != "index"})
            if ends:
                events += self._blocks.sign(signature, redacted="data" in entry)
        return events

    def _content(self, content: list[Any]) -> list[Event]:
        """Content as a list of parts: Mistral's form for models that think."""
        events: list[Event] = []
        for part in content:
            if isinstance(part, str):
                events += self._blocks.text(part)
            elif isinstance(part, dict):
                events += self._part(part)
        return events

    def _part(self, part: dict[str, Any]) -> list[Event]:
        thought = said_text(part.get("thinking"))
        if thought:
            return self._blocks.thinking(thought)
        if "image_url" in part:
            return self._image(part)
        text = part.get("text")
        return self._blocks.text(text) if isinstance(text, str) and text else []

    def _image(self, part: JsonValue) -> list[Event]:
        """An image the model made, as OpenRouter and Gemini's compatible endpoint send it."""
        image = part.get("image_url") if isinstance(part, dict) else None
        url = image.get("url") if isinstance(image, dict) else image
        if not isinstance(url, str) or not url:
            return []
        source, mime = source_of(url)
        return self._blocks.whole(Media("image", source, mime))

    def _calls(self, delta: dict[str, Any]) -> list[Event]:
        events: list[Event] = []
        calls = _list(delta.get("tool_calls"))
        for place, call in enumerate(calls):
            if isinstance(call, dict):
                events += self._call({**call, "index": place} if self._whole else call)
        function = delta.get("function_call")
        # The retired form has one call, without an id; some send an empty one beside everything.
        if isinstance(function, dict) and not calls and any(function.values()):
            events += self._call({"index": 0, "function": function})
        return events

    def _call(self, call: dict[str, Any]) -> list[Event]:
        # Snowflake sends every call with an empty `custom` beside its function.
        custom = call.get("type") == "custom" or ("custom" in call and "function" not in call)
        inner = call.get("custom" if custom else "function")
        inner = inner if isinstance(inner, dict) else {}
        call_id, name = _text(call.get("id")), _text(inner.get("name"))
        piece = _arguments(inner.get("input" if custom else "arguments"))
        index = call.get("index")
        index = index if isinstance(index, int) else None
        slot = self._resolve(call_id, index, name, piece)
        events: list[Event] = []
        if slot is None:
            block, events = self._blocks.call(ToolCall("", "", kind="custom" if custom else "function"))
            slot = _Slot(call_id, index, block)
            self._slots.append(slot)
        slot.id = slot.id or call_id
        if name and not slot.name:
            events += self._blocks.name(slot.block, self._id(slot), self._sent.tool_names.get(name, name))
        if piece:
            events += self._blocks.arguments(slot.block, piece)
        signature = decode_signature(call.get("extra_content"))
        if signature is not None:
            events += self._blocks.sign_call(slot.block, signature)
        return events

    def _id(self, slot: _Slot) -> str:
        """The id of a call: the upstream's, unless it gave none or gave it to another call already."""
        place = next(number for number, other in enumerate(self._slots) if other is slot)
        taken = any(other.id == slot.id for other in self._slots[:place])
        return slot.id if slot.id and not taken else reply_id(self._seed, self._number, place)

    def _resolve(self, call_id: str, index: int | None, name: str, piece: str) -> _Slot | None:
        """The call a fragment belongs to, None if it begins one.

        By its id where it has one, else by its index, else the last. Indices may be missing, sparse, reused
        or all zero, and ids may come in the first fragment only or in each.
        """
        latest = list(reversed(self._slots))
        if call_id:
            same = next((slot for slot in latest if slot.id == call_id), None)
            # One id for two calls, each named at a place of its own, is two calls.
            if same is not None and (not name or index is None or index == same.index):
                return same
        if index is not None:
            latest = [slot for slot in latest if slot.index == index]
        elif name:
            return None
        slot = latest[0] if latest else None
        if slot is None:
            return None
        begins = (bool(call_id and slot.id) and bool(name)) or self._again(slot, name, piece)
        return None if begins else slot

    def _again(self, slot: _Slot, name: str, piece: str) -> bool:
        """Whether a named fragment at the place of `slot` is another call, not the same name once more."""
        if not name or not slot.name:
            return False
        return self._sent.tool_names.get(name, name) != slot.name or (
            piece.startswith("{") and _complete(slot.block.text)
        )

    def _hear(self, audio: JsonValue) -> None:
        """Sound comes in pieces, each base64 of its own."""
        if not isinstance(audio, dict):
            return
        for name, value in audio.items():
            if name == "data":
                continue
            before = self._audio.get(name)
            joins = name == "transcript" and isinstance(before, str) and isinstance(value, str)
            if joins:
                self._audio[name] = f"{before}{value}"
            elif value:
                self._audio[name] = value
        data = audio.get("data")
        if isinstance(data, str) and data:
            try:
                self._sound.append(b64decode(data))
            except BadBase64:
                self._audio["data"] = data

    def _media(self) -> Media:
        wanted = self._sent.body.get("audio")
        form = wanted.get("format") if isinstance(wanted, dict) else None
        mime = "audio/mpeg" if form == "mp3" else f"audio/{form}" if isinstance(form, str) else None
        data = b64encode(b"".join(self._sound)).decode()
        transcript = _text(self._audio.pop("transcript", None)) or None
        extras = {NAME: self._audio} if self._audio else {}
        return Media("audio", Base64(data), mime, context=transcript, extras=extras)


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: JsonValue) -> str:
    """A fragment of arguments; some send them parsed."""
    if value is None or isinstance(value, str):
        return value or ""
    return dumps(value).decode()


def _complete(text: str) -> bool:
    try:
        return isinstance(loads(text.encode()), dict)
    except JsonError:
        return False
