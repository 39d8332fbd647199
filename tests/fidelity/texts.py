"""Texts that framings, JSON and line splitters have broken before: all planes, controls, look-alikes of
framing.
"""

from collections.abc import Iterator
from random import Random

LOOK_ALIKES = (
    "data: ",
    "data: [DONE]",
    "data: {}\n\n",
    "\n\ndata: x",
    "event: error\n",
    "event: message_stop\r\n\r\n",
    ": ping\n\n",
    "id: 1\nretry: 0\n",
    "[DONE]",
    '{"error":{"message":"no"}}',
    '"done":true}\n',
    '{"done":true}\n{"done":true}\n',
    "]",
    ",\n",
    "}]\n",
    '"finish_reason":"stop"',
    '"usage":{"prompt_tokens":1}',
    "\\u2028",
    "\\n",
    "\\",
    '"',
    "</think>",
    "<tool_call>{}</tool_call>",
    "\ufeff",
    "\r",
    "\r\n",
    "\n",
    "\u0085",
    "\u2028",
    "\u2029",
    "\x00",
    "\x1a",
    "\x1b[0m",
    "\x7f",
    " ",
    "e\u0301",
    "👩‍👩‍👧",
    "\ufffd",
    "\uffff",
    "\U0010ffff",
)
_SURROGATES = range(0xD800, 0xE000)


def texts(count: int, seed: int) -> list[str]:
    """`count` strings of one to sixteen pieces, the same for the same `seed`."""
    random = Random(seed)
    return ["".join(_pieces(random)) for _ in range(count)]


def _pieces(random: Random) -> Iterator[str]:
    for _ in range(random.randint(1, 16)):
        yield random.choice((_look_alike, _control, _letter, _anything))(random)


def _look_alike(random: Random) -> str:
    return random.choice(LOOK_ALIKES)


def _control(random: Random) -> str:
    return chr(random.randrange(0xA0))


def _letter(random: Random) -> str:
    return chr(random.randrange(0x20, 0x7F))


def _anything(random: Random) -> str:
    """A code point of any plane; a surrogate alone is no text."""
    while (code := random.randrange(0x110000)) in _SURROGATES:
        pass
    return chr(code)
