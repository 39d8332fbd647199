"""Thought signatures: bytes in base64 on any part, which SDKs refuse to read if they are anything else.

What another provider signed is wrapped and goes to clients as the base64 of its wrapper.
https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from base64 import b64decode, b64encode
from typing import Final

from gateway.canonical.content import Signature
from gateway.protocols import carry

FAMILY: Final = "gemini"

SENTINEL = "skip_thought_signature_validator"
"""Stands, by the vendor's word, for the signature of a call that the model did not make."""

_STAND_INS = frozenset(
    form
    for word in (SENTINEL, "context_engineering_is_the_way_to_go")
    for form in (word, b64encode(word.encode()).decode())
)

WRAPPED = b64encode(b"gw1.")[:5]
"""How the base64 of a wrapper begins."""


def standard(word: str) -> str:
    """Base64 in the standard alphabet and with its padding; the API takes both alphabets."""
    word = word.replace("-", "+").replace("_", "/")
    return word + "=" * (-len(word) % 4)


def is_base64(word: str) -> bool:
    """Whether SDKs can read `word` as bytes."""
    try:
        b64decode(standard(word), validate=True)
    except ValueError:
        return False
    return True


def unwrap(word: str) -> Signature | None:
    """The signature that a client sent as `word`; None for one that nobody issued."""
    if not word or word in _STAND_INS:
        return None
    wrapper = _wrapper(word)
    return Signature(FAMILY, word) if wrapper is None else carry.unwrap(wrapper, FAMILY)


def is_foreign(word: str) -> bool:
    """Whether `word` was wrapped by us for another issuer."""
    return _wrapper(word) is not None


def wrap(signature: Signature) -> str | None:
    """The word a client is given for `signature`; None for a native one that its SDK could not read."""
    if signature.family != FAMILY:
        return b64encode(carry.wrap(signature, FAMILY).encode()).decode()
    return signature.payload if is_base64(signature.payload) else None


def _wrapper(word: str) -> str | None:
    if not word.startswith(WRAPPED.decode()):
        return None
    try:
        wrapper = b64decode(standard(word), validate=True).decode()
    except ValueError:
        return None
    return wrapper if carry.is_foreign(wrapper, FAMILY) else None
