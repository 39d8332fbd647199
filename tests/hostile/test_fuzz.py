"""A few hundred bodies nobody thought of; `python -m tests.hostile` tries as many as it is told to."""

from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given, settings

from tests.hostile.dialects import DIALECTS
from tests.hostile.fuzz import MODELS, Gateway, sendings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with Gateway() as running:
        yield running


@settings(max_examples=300)
@given(sendings())
def test_no_body_is_answered_by_an_error_of_ours(gateway: Gateway, sent: tuple[str, str, bytes]) -> None:
    assert gateway.complaints(*sent) == []


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", DIALECTS)
def test_a_body_that_nobody_changed_is_taken(gateway: Gateway, name: str, model: str) -> None:
    path, body = DIALECTS[name].said_to(model)
    assert gateway.complaints(name, path, orjson.dumps(body), statuses=frozenset({200})) == []
