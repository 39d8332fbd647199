"""What an upstream says it will still take is kept to before it refuses."""

import pytest

from gateway.pool.allowance import LONGEST_S, Allowance
from tests.pool.clocks import At

NOON = 1_780_000_000.0
OPENAI = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "1"}


def allowance(now: float = 100.0) -> Allowance:
    return Allowance(At(now), At(NOON))


def test_nobody_has_said_anything_yet() -> None:
    assert allowance().opens_at(100.0, "m") == 100.0


def test_the_last_request_of_a_minute_closes_it_before_the_upstream_has_to_refuse_one() -> None:
    allowed = allowance()
    allowed.hear("m", 200, {**OPENAI, "x-ratelimit-reset-requests": "6s"})
    assert allowed.opens_at(100.0, "m") == 100.0
    allowed.start(100.0, "m")
    allowed.end(100.5, "m", 10)
    assert allowed.opens_at(101.0, "m") == 106.0
    assert allowed.opens_at(106.0, "m") == 106.0
    assert allowed.opens_at(101.0, "other") == 101.0


def test_the_next_answer_knows_better() -> None:
    allowed = allowance()
    allowed.hear(
        "m", 200, {**OPENAI, "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6s"}
    )
    allowed.hear(
        "m", 200, {**OPENAI, "x-ratelimit-remaining-requests": "9", "x-ratelimit-reset-requests": "6s"}
    )
    assert allowed.opens_at(100.0, "m") == 100.0


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("2m59.56s", 179.56),
        ("20ms", 0.02),
        ("1h2m", LONGEST_S),
        ("12.5", 12.5),
        (f"{NOON + 30:.0f}", 30.0),
        (f"{(NOON + 30) * 1000:.0f}", 30.0),
        ("2026-05-28T20:27:10Z", 30.0),
        ("2026-05-28T20:00:00Z", 0.0),
        ("", LONGEST_S),
        ("soon", LONGEST_S),
        ("9999-99-99", LONGEST_S),
        (None, LONGEST_S),
    ],
)
def test_it_holds_for_as_long_as_the_upstream_says_but_an_hour_at_most(
    reset: str | None, seconds: float
) -> None:
    allowed = allowance()
    said = {} if reset is None else {"x-ratelimit-reset-requests": reset}
    allowed.hear("m", 200, {"x-ratelimit-remaining-requests": "0", **said})
    assert allowed.opens_at(100.0, "m") == pytest.approx(100.0 + seconds)


@pytest.mark.parametrize("kind", ["tokens", "input-tokens", "output-tokens"])
def test_a_crumb_of_the_tokens_is_nothing(kind: str) -> None:
    allowed = allowance()
    names = {word: f"anthropic-ratelimit-{kind}-{word}" for word in ("limit", "remaining", "reset")}
    said = {names["limit"]: "40000", names["reset"]: "30"}
    allowed.hear("m", 200, {**said, names["remaining"]: "400"})
    allowed.start(100.0, "m")
    assert allowed.opens_at(100.0, "m") == 100.0
    allowed.hear("m", 200, {**said, names["remaining"]: "399"})
    assert allowed.opens_at(100.0, "m") == 130.0


def test_what_is_said_of_the_account_holds_for_all_its_models() -> None:
    allowed = allowance()
    left, of_model = (
        "modelscope-ratelimit-requests-remaining",
        "modelscope-ratelimit-model-requests-remaining",
    )
    allowed.hear("a", 200, {left: "5", of_model: "0"})
    assert (allowed.opens_at(100.0, "a"), allowed.opens_at(100.0, "b")) == (100.0 + LONGEST_S, 100.0)
    allowed.hear("b", 200, {left: "0"})
    assert allowed.opens_at(100.0, "c") == 100.0 + LONGEST_S


@pytest.mark.parametrize("left", ["", "many", "-1", "\u0661", "9" * 40])
def test_what_is_not_a_count_says_nothing(left: str) -> None:
    allowed = allowance()
    allowed.hear("m", 200, {"x-ratelimit-remaining-requests": left})
    assert allowed.opens_at(100.0, "m") == 100.0


def test_clients_cannot_fill_it_with_names() -> None:
    allowed = allowance()
    for number in range(3000):
        allowed.hear(f"m{number}", 200, {"x-ratelimit-remaining-requests": "0"})
    assert allowed.opens_at(100.0, "m0") > 100.0
    assert allowed.opens_at(100.0, "m2999") == 100.0
