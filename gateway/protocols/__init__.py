"""One codec a wire format, both directions, and the table of them."""

from collections.abc import Mapping

from gateway.protocols import anthropic, gemini, ollama, openai_chat
from gateway.protocols.codec import Codec

CODECS: Mapping[str, Codec] = {
    "anthropic": anthropic.CODEC,
    "gemini": gemini.CODEC,
    "ollama": ollama.CODEC,
    "openai_chat": openai_chat.CODEC,
}
"""Every codec by its name."""
