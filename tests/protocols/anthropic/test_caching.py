import pytest

from gateway.canonical.content import CacheMark, Text
from gateway.protocols.target import Capabilities
from tests.protocols.anthropic.exchange import asked_of, blocks_of, decoded, encoded


def test_of_many_breakpoints_the_first_four_are_set() -> None:
    blocks, losses = blocks_of(*(Text(f"{n}", cache=CacheMark(), origin=f"p{n}") for n in range(6)))
    assert ["cache_control" in block for block in blocks] == [True] * 4 + [False] * 2
    assert losses.dropped == ["p4.cache_control", "p5.cache_control"]


def test_a_model_that_caches_nothing_is_sent_no_breakpoint() -> None:
    blocks, losses = blocks_of(Text("hi", cache=CacheMark(), origin="p"), capabilities=Capabilities())
    assert "cache_control" not in blocks[0]
    assert losses.dropped == ["p.cache_control"]


@pytest.mark.parametrize(("wished", "sent"), [("24h", "1h"), ("30m", "1h"), ("10s", "5m")])
def test_a_lifetime_becomes_the_nearest_that_the_api_has(wished: str, sent: str) -> None:
    blocks, losses = blocks_of(Text("hi", cache=CacheMark(wished), origin="p"))
    assert blocks[0]["cache_control"] == {"type": "ephemeral", "ttl": sent}
    assert losses.dropped == [f"p.cache_control.ttl {wished}->{sent}"]


def test_a_breakpoint_on_the_whole_request_goes_there_and_back() -> None:
    request = decoded(cache_control={"type": "ephemeral", "ttl": "5m"})
    assert request.cache == CacheMark("5m")
    assert encoded(request)[0].body["cache_control"] == {"type": "ephemeral", "ttl": "5m"}
    _, losses = encoded(asked_of(cache=CacheMark()), Capabilities())
    assert losses.dropped == ["cache_control"]
