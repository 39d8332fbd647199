from gateway.auth.api_key import ApiKey, NoKey
from gateway.wire.http import HttpRequest

REQUEST = HttpRequest("POST", "http://127.0.0.1/v1", {"accept": "application/json"})


def test_a_key_is_added_as_its_header_says() -> None:
    signed = ApiKey("authorization", "the-key", "Bearer ").sign(REQUEST)

    assert signed.headers == {"accept": "application/json", "authorization": "Bearer the-key"}
    assert REQUEST.headers == {"accept": "application/json"}


async def test_a_fixed_key_has_no_successor() -> None:
    assert await ApiKey("x-api-key", "the-key").renew() is False
    assert await NoKey().renew() is False


def test_a_key_is_never_shown() -> None:
    assert "the-key" not in repr(ApiKey("x-api-key", "the-key"))


def test_of_a_long_key_the_end_is_told_and_of_a_short_one_nothing() -> None:
    assert ApiKey("x-api-key", "upstream-key-0a1b2c3d4e5f").hint == "…4e5f"
    assert ApiKey("x-api-key", "the-key").hint == "…"
    assert NoKey().hint == ""


def test_without_a_key_nothing_is_added() -> None:
    assert NoKey().sign(REQUEST) is REQUEST
