"""HTTP as values."""

from gateway.wire.http import HttpRequest


def test_added_headers_replace_those_of_the_same_name_and_leave_the_request_alone() -> None:
    request = HttpRequest("POST", "https://api.example/v1", {"a": "1", "b": "2"}, b"{}")
    signed = request.with_headers({"b": "3", "c": "4"})
    assert signed == HttpRequest("POST", "https://api.example/v1", {"a": "1", "b": "3", "c": "4"}, b"{}")
    assert request.headers == {"a": "1", "b": "2"}
