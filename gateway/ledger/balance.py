"""What an account has left at its vendor: one small reader each, and the table of them.

Amounts come as numbers or as strings, and not every vendor says in which currency: then the host tells.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf, isfinite
from types import MappingProxyType
from typing import TypeAlias
from urllib.parse import urlsplit

from gateway.canonical.json import JsonValue
from gateway.errors import BadUpstreamReply

Amounts: TypeAlias = Mapping[str, float]
"""What is left, by currency (ISO 4217). Infinite: as much as one likes."""

_DOLLARS = (("", "USD"),)
_YUAN = (("", "CNY"),)
_YUAN_IN_CHINA = ((".cn", "CNY"), ("", "USD"))
_NOVITAS_UNITS = 10_000


@dataclass(slots=True, frozen=True)
class BalanceReader:
    """Where a vendor tells what is left, and how.

    `path` is of the base URL's host. `read` gets the parsed answer and the currency that amounts without one
    are in, which `currencies` say by the end of the host's name.

    Raises (by `read`):
        BadUpstreamReply: the answer does not tell.
    """

    path: str
    read: Callable[[JsonValue, str], Amounts]
    currencies: tuple[tuple[str, str], ...] = _DOLLARS

    def url(self, base_url: str) -> str:
        """Where to ask."""
        base = urlsplit(base_url)
        return f"{base.scheme}://{base.netloc}{self.path}"

    def currency(self, base_url: str) -> str:
        """What amounts are in that do not say."""
        host = urlsplit(base_url).hostname or ""
        return next(currency for end, currency in self.currencies if host.endswith(end))


def _at(value: JsonValue, *path: str) -> JsonValue:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _amount(value: JsonValue) -> float:
    try:
        number = float(value) if isinstance(value, (int, float, str)) else inf
    except ValueError:
        number = inf
    if isinstance(value, bool) or not isfinite(number):
        raise BadUpstreamReply("the answer to the question for the balance has no amount")
    return number


def _deepseek(said: JsonValue, _currency: str) -> Amounts:
    """api-docs.deepseek.com/api/get-user-balance: one entry for each currency."""
    entries = _at(said, "balance_infos")
    amounts = {
        str(_at(entry, "currency")): _amount(_at(entry, "total_balance"))
        for entry in (entries if isinstance(entries, list) else ())
    }
    if not amounts:
        raise BadUpstreamReply("the answer to the question for the balance has no amount")
    return amounts


def _siliconflow(said: JsonValue, currency: str) -> Amounts:
    """docs.siliconflow.cn/cn/api-reference/userinfo/get-user-info."""
    return {currency: _amount(_at(said, "data", "totalBalance"))}


def _moonshot(said: JsonValue, currency: str) -> Amounts:
    """platform.moonshot.cn/docs/api/balance: at zero or less calls are refused."""
    return {currency: _amount(_at(said, "data", "available_balance"))}


def _openrouter(said: JsonValue, currency: str) -> Amounts:
    """openrouter.ai/docs/api/api-reference/api-keys/get-current-key: what this key may still use; null where
    nothing limits it. The credits of the whole account are told to management keys only.
    """
    key = _at(said, "data")
    if isinstance(key, dict) and "limit_remaining" in key and key["limit_remaining"] is None:
        return {currency: inf}
    return {currency: _amount(_at(key, "limit_remaining"))}


def _stepfun(said: JsonValue, currency: str) -> Amounts:
    return {currency: _amount(_at(said, "balance"))}


def _novita(said: JsonValue, currency: str) -> Amounts:
    """In ten-thousandths of a dollar."""
    return {currency: _amount(_at(said, "availableBalance")) / _NOVITAS_UNITS}


READERS: Mapping[str, BalanceReader] = MappingProxyType(
    {
        "deepseek": BalanceReader("/user/balance", _deepseek),
        "moonshot": BalanceReader("/v1/users/me/balance", _moonshot, _YUAN_IN_CHINA),
        "novita": BalanceReader("/v3/user/balance", _novita),
        "openrouter": BalanceReader("/api/v1/key", _openrouter),
        "siliconflow": BalanceReader("/v1/user/info", _siliconflow, _YUAN_IN_CHINA),
        "stepfun": BalanceReader("/v1/accounts", _stepfun, _YUAN),
    }
)
