"""What a single value must be, wherever it was written: in a variable or in a file.

Every check returns the value to use or raises `ValueError` with words that follow a name and a colon. None
echoes the value: it may be a secret, or a URL that holds one.
"""

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

_EXAMPLE_KEY = re.compile(
    r"""
    (?: sk- )? (?: ant- | proj- | or-v1- | gw- )? (?: api03- )?     # however the vendor's keys begin
    (?: x{3,} | \.{2,} | … | \*{3,} | <.*> | \$?\{.*\}
      | (?: your | my | put | insert | enter | replace | paste ) - .*
      | your(?:api)?key | change-?me(?: -.* )? | replace-?me | to-?do | placeholder
      | (?: test | example | sample | secret | password | api | fake ) (?: - (?: api- )? key )?
      | key | token | 1234+5?6?7?8?9?0?
    )
    """,
    re.VERBOSE,
)
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ms|s|m|h|d)?")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_THIS_MACHINE = "127.0.0.1"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+")
_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def checked_key(value: str) -> str:
    """A key that can be sent in a header and is not one of the examples that documentation prints.

    Raises:
        ValueError: it cannot, or it is.
    """
    if not value:
        raise ValueError("a key is empty: leave it out where none is needed")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("a key holds printable ASCII characters and no spaces")
    if _EXAMPLE_KEY.fullmatch(value.lower().replace("_", "-")):
        raise ValueError("this is an example key from documentation, not a real one")
    return value


def checked_host(value: str) -> str:
    """A host name or an IP address to listen on, brackets of an IPv6 address taken off.

    Raises:
        ValueError: it is neither.
    """
    host = value.removeprefix("[").removesuffix("]")
    if _HOST.fullmatch(host) or _address(host) is not None:
        return host
    raise ValueError("a host name or an IP address is required, without scheme and port")


def checked_base_url(value: str) -> str:
    """An http(s) URL of an upstream without its trailing slash.

    Raises:
        ValueError: it is none, or it holds what a base URL must not: credentials, a query, a fragment.
    """
    try:
        url = urlsplit(value)
        valid = url.scheme in {"http", "https"} and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        valid = False
    else:
        if valid and ("@" in url.netloc or url.query or url.fragment):
            raise ValueError(
                "a base URL holds no user, password, query or fragment: keys have variables of their own"
            )
    if not valid or not value.isprintable() or " " in value:
        raise ValueError("a URL is required, like https://api.example.com/v1")
    return value.rstrip("/")


def completed(value: str, port: int) -> str:
    """A URL for what may be a host alone, as it is told to a server that listens there: without a scheme it
    is http at `port`, and every address of a machine is this machine.
    """
    bare = "://" not in value
    url = urlsplit(f"http://{value}" if bare else value)
    try:
        port_said = url.port or (port if bare else None)
    except ValueError:
        return value
    host = {"": _THIS_MACHINE, "0.0.0.0": _THIS_MACHINE, "::": "::1"}.get(url.hostname or "", url.hostname)  # noqa: S104 - compared with
    if "@" in url.netloc:
        return value
    host = f"[{host}]" if ":" in f"{host}" else f"{host}"
    return url._replace(netloc=host if port_said is None else f"{host}:{port_said}").geturl()


def checked_glob(value: str) -> str:
    """A model's name, or a pattern of `*`, `?` and `[…]` that several match.

    Raises:
        ValueError: it is empty or no pattern.
    """
    if not value or not value.isprintable() or value != value.strip():
        raise ValueError("a model's name or a pattern like claude-* is required")
    if value.count("[") != value.count("]"):
        raise ValueError("a pattern closes every [ with a ]")
    return value


def checked_origin(value: str) -> str:
    """The origin of a web page as browsers send it.

    Raises:
        ValueError: it is none; `*` would let every page in any browser use the gateway.
    """
    if value == "*":
        raise ValueError("`*` would let every page in any browser use the gateway; list those that may")
    if _ORIGIN.fullmatch(value) is None:
        raise ValueError("an origin is required, like https://chat.example.com, without a path")
    return value


def seconds_of(value: object) -> object:
    """A time written with its unit, in seconds; what is no text is left to whoever checks the type.

    Raises:
        ValueError: the text is no time.
    """
    if not isinstance(value, str):
        return value
    written = _DURATION.fullmatch(value.strip())
    if written is None:
        raise ValueError("a time is required, like 500ms, 5s, 10m or 1h; a plain number counts seconds")
    number, unit = written.groups()
    return float(number) * _UNITS[unit or "s"]


def leads_back(base_url: str, host: str, port: int) -> bool:
    """Whether requests to `base_url` would arrive at a gateway that listens on `host` and `port`."""
    url = urlsplit(base_url)
    there, its_port = url.hostname or "", url.port or _DEFAULT_PORTS[url.scheme]
    return its_port == port and (is_loopback(there) or there == host)


@lru_cache(maxsize=256)
def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. A name that is not `localhost` may be anywhere."""
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
