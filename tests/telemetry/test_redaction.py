"""What is taken out of log records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.redaction import HIDDEN, Redactor

PLANTED = "planted9f8e7d6c5b4a39281706"


@pytest.mark.parametrize(
    "secret",
    [
        f"sk-{PLANTED}",
        f"sk-ant-api03-{PLANTED}",
        f"sk-proj-{PLANTED}_x-y",
        f"gsk_{PLANTED}",
        f"xai-{PLANTED}",
        f"hf_{PLANTED}",
        "AIza" + "b" * 35,
        f"ya29.{PLANTED}-x",
        "AKIA" + "A1" * 8,
        f"eyJ{PLANTED}.eyJ{PLANTED}.{PLANTED}",
    ],
)
def test_a_vendors_key_is_known_by_its_form(secret: str) -> None:
    assert Redactor().text(f"refused '{secret}', sorry") == f"refused '{HIDDEN}', sorry"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Authorization: Bearer {PLANTED}", f"Authorization: Bearer {HIDDEN}"),
        (f"'authorization': 'Basic {PLANTED}'", f"'authorization': 'Basic {HIDDEN}'"),
        (f'{{"x-api-key": "{PLANTED}"}}', f'{{"x-api-key": "{HIDDEN}"}}'),
        (f"X-Goog-Api-Key={PLANTED}", f"X-Goog-Api-Key={HIDDEN}"),
        (f"Cookie: {PLANTED}", f"Cookie: {HIDDEN}"),
        (f"https://a/x?key={PLANTED}&alt=sse", f"https://a/x?key={HIDDEN}&alt=sse"),
        (f"https://a/x?alt=sse&access_token={PLANTED}", f"https://a/x?alt=sse&access_token={HIDDEN}"),
        (f"client_secret={PLANTED}", f"client_secret={HIDDEN}"),
        (f"sent bearer {PLANTED}", f"sent bearer {HIDDEN}"),
    ],
)
def test_a_key_inside_a_text_is_cut_out_of_it(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "claude-sonnet-5-5",
        "openai-custom-1",
        "risk-assessment-of-the-long-project-name",
        "the bearer of bad news",
        "GET /v1/models?limit=1000",
        "input_tokens=12 monkey=banana",
        "req_0123456789abcdef0123456789abcdef",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor().text(text) == text


def test_configured_secrets_are_hidden_wherever_they_stand() -> None:
    redactor = Redactor(["hunter2-hunter2", "hunter2-hunter2-and-more", "a.b*c(d"])
    assert redactor.text("x=hunter2-hunter2-and-more") == f"x={HIDDEN}"
    assert redactor.text("ahunter2-hunter2b") == f"a{HIDDEN}b"
    assert redactor.text("see a.b*c(d here") == f"see {HIDDEN} here"
    assert redactor.text("see aXbbc(d here") == "see aXbbc(d here"


def test_of_secrets_that_begin_alike_nothing_is_left_behind() -> None:
    secrets = ("planted", "planted-9f8e", "planted-9f", "plant-77aa", "other.7+c")
    hide = Redactor(secrets).text
    assert hide(" ".join(secrets)) == " ".join([HIDDEN] * len(secrets))
    assert hide("planted-9f8 plant- other.7c") == f"{HIDDEN}8 plant- other.7c"


@given(st.sets(st.text("ab. |", min_size=6, max_size=9), min_size=1), st.text("ab. |"))
def test_every_secret_is_hidden_wherever_it_stands(secrets: set[str], around: str) -> None:
    hide = Redactor(secrets).text
    for secret in secrets:
        shown = hide(f"{around}{secret}{around}")
        assert not any(each in shown.replace(HIDDEN, "#") for each in secrets)


def test_a_secret_too_short_to_tell_from_words_does_not_shred_the_log() -> None:
    assert Redactor(["is", ""]).text("this is it") == "this is it"


def test_a_field_is_hidden_by_its_name_at_any_depth() -> None:
    record: dict[str, object] = {
        "headers": {"X-Api-Key": "anything", "accept": "json"},
        "api_key": "b",
        "cookie": None,
    }
    assert Redactor().fields(record) == {
        "headers": {"X-Api-Key": HIDDEN, "accept": "json"},
        "api_key": HIDDEN,
        "cookie": None,
    }


def test_counts_of_tokens_are_no_secrets() -> None:
    record: dict[str, object] = {"input_tokens": 5, "output_tokens": 6, "token_limit": 7.5, "cached": True}
    assert Redactor().fields(record) == record


def test_secrets_in_lists_bytes_and_objects_are_found() -> None:
    secret = f"sk-{PLANTED}"
    record = {"list": [secret, (secret,)], "bytes": secret.encode(), "object": ValueError(secret)}
    assert Redactor().fields(record) == {
        "list": [HIDDEN, [HIDDEN]],
        "bytes": HIDDEN,
        "object": f"ValueError('{HIDDEN}')",
    }
