"""Foreign state that must survive a round trip through a client.

A signature means something only to its issuer, but a client echoes it to whoever answers next. So what a
client gets is wrapped with the issuer's name wherever the client's own protocol is not the issuer, and what
comes back is unwrapped:

    gw1.<family>.<base64url(model)>.<base64url(payload)>[.<base64url(words)>]

The words are those of reasoning that its client does not want to read: their issuer wants them back.
Stateless, so it survives a restart. Reasoning without any signature is wrapped too (family `none`), so that
it is recognised when a client sends it back to an upstream that accepts only what it signed itself.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from gateway.canonical.content import Signature

_PREFIX = "gw1."
_NOBODY = "none"

MARK = f'"{_PREFIX}'.encode()
"""How what is wrapped begins in JSON."""


def wrap(signature: Signature | None, family: str) -> str:
    """The word a client of protocol `family` is given for `signature`: native as it is, anything else
    wrapped.
    """
    if signature is None:
        return f"{_PREFIX}{_NOBODY}.."
    if signature.family == family:
        return signature.payload
    word = f"{_PREFIX}{signature.family}.{_encode(signature.model)}.{_encode(signature.payload)}"
    return word if signature.unsaid is None else f"{word}.{_encode(signature.unsaid)}"


def unwrap(word: str, family: str) -> Signature | None:
    """The signature that a client of protocol `family` sent as `word`; None for one that nobody issued.

    A word that is not ours counts as native to the client's own protocol.
    """
    if not word.startswith(_PREFIX):
        return Signature(family, word) if word else None
    issuer, *parts = word[len(_PREFIX) :].split(".")
    if len(parts) not in {2, 3} or issuer == _NOBODY:
        return None
    try:
        model, payload, *unsaid = map(_decode, parts)
    except ValueError:
        return None
    return Signature(issuer, payload, model, *unsaid)


def is_foreign(word: str, family: str) -> bool:
    """Whether `word` was wrapped by us for another issuer than `family`, or for nobody."""
    if not word.startswith(_PREFIX):
        return False
    signature = unwrap(word, family)
    return signature is None or signature.family != family


def _encode(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(text: str) -> str:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
