"""What a name of models means, and what a pattern does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.patterns import checked_pattern, is_exact, matches

NAMES = st.text("gpt-4omini:.*[", max_size=8)
PATTERNS = st.one_of(
    NAMES.filter(lambda name: ":" not in name),
    NAMES.map(lambda rest: f"prefix:{rest}"),
    NAMES.map(lambda rest: f"keyword:{rest}"),
    st.sampled_from(["regex:^gpt", "regex:o$", "regex:[4o]"]),
)


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("gpt-4o", ["gpt-4o"], ["GPT-4o", "gpt-4o-mini", "gpt-4"]),
        ("gpt-4*", ["gpt-4", "gpt-4o"], ["GPT-4", "my-gpt-4"]),
        ("o[0-9]", ["o3"], ["o", "o33", "ox"]),
        ("prefix:gpt-4", ["gpt-4", "gpt-4o"], ["GPT-4", "my-gpt-4"]),
        ("prefix:a*", ["a*b"], ["ab"]),
        ("keyword:Mini", ["gpt-4o-mini", "MINIMAX"], ["gpt-4o"]),
        ("regex:^gpt-[45]", ["gpt-4", "gpt-5.5"], ["gpt-3", "my-gpt-4"]),
        ("regex:preview", ["gemini-3-pro-preview"], ["gemini-3-pro"]),
        ("org/model:free", ["org/model:free"], ["org/model"]),
    ],
)
def test_a_pattern_means_what_its_kind_says(pattern: str, meant: list[str], not_meant: list[str]) -> None:
    assert [name for name in [*meant, *not_meant] if matches(name, [pattern])] == meant


@given(NAMES, st.lists(PATTERNS, max_size=3), st.lists(PATTERNS, min_size=1, max_size=3))
def test_what_is_excluded_is_never_meant(name: str, patterns: list[str], exclude: list[str]) -> None:
    assert not (matches(name, patterns, exclude) and matches(name, exclude))
    assert matches(name, patterns, exclude) or not matches(name, patterns) or matches(name, exclude)


@given(NAMES.filter(is_exact))
def test_a_name_without_signs_means_itself_alone(name: str) -> None:
    assert matches(name, [name])
    assert not matches(f"{name}-", [name])


@pytest.mark.parametrize(
    "written", ["", " gpt", "o[1", "prefix:", "keyword:", "regex:", "regex:(", "regex:\n"]
)
def test_what_is_no_pattern_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"required|closes every|nothing follows|no regular expression"):
        checked_pattern(written)


@pytest.mark.parametrize(
    "written", ["gpt-4", "org/model:free", "prefix:gpt", "keyword:mini", "regex:^(a|b)$"]
)
def test_what_is_a_pattern_is_taken_as_it_is(written: str) -> None:
    assert checked_pattern(written) == written
