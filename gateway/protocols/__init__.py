"""One codec a wire format, both directions, and the table of them."""

from collections.abc import Mapping

from gateway.protocols import anthropic, openai_chat
from gateway.protocols.codec import Codec

CODECS: Mapping[str, Codec] = {
    "anthropic": anthropic.CODEC,
    "openai_chat": openai_chat.CODEC,
}
"""Every codec by its name."""
