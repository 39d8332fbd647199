"""URLs as they are shown to people: never more of them than is known to hold no secret."""

from urllib.parse import urlsplit

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, never bound to


def address_of(host: str, port: int) -> str:
    """The URL under which this machine reaches a server that listens on `host`."""
    reachable = _EVERYWHERE.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"


def host_of(url: str) -> str:
    """The host, and the port where it is named: never the path or the query, where people keep keys."""
    split = urlsplit(url)
    host = split.hostname or ""
    return f"{host}:{split.port}" if split.port else host
