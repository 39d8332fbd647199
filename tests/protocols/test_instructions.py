"""Instructions that stand before a conversation."""

from gateway.canonical.content import Media, Message, Part, Text, Url
from gateway.protocols.codec import Losses
from gateway.protocols.instructions import leading, without_billing


def test_only_what_stands_before_the_first_turn_leads() -> None:
    first, second = Message("system", [Text("a")]), Message("developer", [Text("b")])
    behind = [Message("user", [Text("c")]), Message("system", [Text("d")])]
    assert leading([first, second, *behind]) == [first, second]
    assert leading(behind) == []


def test_the_billing_line_that_would_spoil_a_prompt_cache_is_left_out_and_said_to_be() -> None:
    losses = Losses()
    billing = Text("x-anthropic-billing-header: cc_version=1", origin="system[0]")
    image = Media("image", Url("https://a.example/i"))
    kept: list[Part] = [Text("Be kind."), image]
    assert list(without_billing([billing, *kept], losses)) == kept
    assert losses.repaired == ["system[0] billing line left out"]
    assert losses.dropped == []
