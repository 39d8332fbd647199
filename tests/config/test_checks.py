"""What single values must be."""

import pytest

from gateway.config.checks import checked_base_url, checked_host, checked_key, is_loopback

EXAMPLES = (
    "sk-your-key",
    "sk-your-key-here",
    "sk-ant-your-key",
    "changeme",
    "change-me",
    "CHANGE_ME",
    "changeme-please",
    "your-api-key",
    "your_api_key",
    "YOUR_API_KEY_HERE",
    "yourapikey",
    "my-secret-key",
    "sk-xxx",
    "sk-XXXXXXXXXXXXXXXX",
    "sk-ant-xxxxx",
    "sk-...",
    "sk-ant-...",
    "sk-proj-…",
    "<your key>",
    "<key>",
    "${API_KEY}",
    "test",
    "test-key",
    "sk-test",
    "secret",
    "password",
    "123456",
    "1234",
    "example",
    "placeholder",
    "***",
)


@pytest.mark.parametrize("key", EXAMPLES)
def test_an_example_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"^(this is an example key|a key holds printable)"):
        checked_key(key)


@pytest.mark.parametrize(
    "key",
    [
        "sk-ant-REDACTED",
        "EMPTY",
        "ollama",
        "no-key-required",
        "4f1c6d0c5e0c4b5f9b1d6f0a2f3e4d5c",
        "sk-testing-the-limits-of-9f8e7d",
        "my.key",
        "12340000aaaa",
    ],
)
def test_a_key_that_only_looks_odd_is_taken(key: str) -> None:
    assert checked_key(key) == key


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel-9f8e7d6c", "nul\0"])
def test_a_key_that_no_header_can_carry_is_refused_without_an_echo(key: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII") as refusal:
        checked_key(key)
    assert key not in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - a value to check, nothing is bound
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("gateway.internal", "gateway.internal"),
        ("a_b", "a_b"),
    ],
)
def test_a_host_is_a_name_or_an_address(value: str, host: str) -> None:
    assert checked_host(value) == host


@pytest.mark.parametrize("value", ["http://localhost", "localhost:3000", "a b", "-x-", "", "::g", "a/b"])
def test_what_is_no_host_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="host name or an IP address"):
        checked_host(value)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("https://api.example.com/v1", "https://api.example.com/v1"),
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("http://127.0.0.1:11434/v1", "http://127.0.0.1:11434/v1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_base_url_loses_only_its_trailing_slash(value: str, url: str) -> None:
    assert checked_base_url(value) == url


@pytest.mark.parametrize(
    "value",
    [
        "api.example.com",
        "ftp://example.com",
        "https://",
        "https://:80/v1",
        "https://a:99999",
        "https://a:x",
        "https://[::1",
        "https://a b/",
        "https://a/\n",
    ],
)
def test_what_is_no_base_url_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="a URL is required"):
        checked_base_url(value)


@pytest.mark.parametrize("value", ["https://u:planted@a/", "https://a/?key=planted", "https://a/#planted"])
def test_a_base_url_that_may_hold_a_secret_is_refused_without_an_echo(value: str) -> None:
    with pytest.raises(ValueError, match="keys have variables of their own") as refusal:
        checked_base_url(value)
    assert "planted" not in str(refusal.value)


def test_only_addresses_of_this_machine_are_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost", "LocalHost")))
    elsewhere = ("0.0.0.0", "::", "192.168.0.2", "localhost.example.com", "gateway")  # noqa: S104 - not bound
    assert not any(map(is_loopback, elsewhere))
