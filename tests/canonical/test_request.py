"""What is asked."""

from gateway.canonical.content import Text
from gateway.canonical.request import Request


def test_a_setting_is_named_as_the_client_named_it() -> None:
    request = Request("m", [], origins={"max_tokens": "max_completion_tokens"})
    assert request.origin_of("max_tokens") == "max_completion_tokens"
    assert request.origin_of("seed") == "seed"


def test_where_a_client_said_something_is_not_part_of_what_it_said() -> None:
    assert Text("a", origin="messages[0].content") == Text("a", origin="messages[1].content[0]")
    assert Request("m", [], origins={"user": "metadata.user_id"}) == Request("m", [])
