"""What holds for every JSON Schema that is fitted into the OpenAPI subset."""

from copy import deepcopy

from hypothesis import given, settings

from gateway.canonical.json import JsonObject
from gateway.protocols.json_schema import from_openapi, to_openapi
from gateway.wire.fast_json import dumps
from tests.openapi_reader import allows, faults
from tests.schema_strategies import Sample, schemas

LAW = settings(max_examples=400)


@LAW
@given(schemas())
def test_only_the_words_of_the_subset_are_used_at_every_place(sample: Sample) -> None:
    assert list(faults(to_openapi(sample.schema))) == []


@LAW
@given(schemas())
def test_what_the_schema_allows_the_fitted_one_allows_too(sample: Sample) -> None:
    fitted = to_openapi(sample.schema)
    assert allows(fitted, sample.value), fitted


@LAW
@given(schemas())
def test_every_constraint_is_said_or_told(sample: Sample) -> None:
    text = dumps(to_openapi(sample.schema)).decode()
    vanished = [mark for mark in sample.marks if not _is_in(mark, text)]
    assert vanished == [], text
    assert text.count("uniqueItems") >= dumps(sample.schema).count(b"uniqueItems")


def _is_in(mark: str | int, text: str) -> bool:
    if isinstance(mark, str):
        return mark in text
    return any(str(number) in text for number in (mark - 1, mark, mark + 1))


@LAW
@given(schemas())
def test_a_fitted_schema_fits_as_it_is(sample: Sample) -> None:
    fitted = to_openapi(sample.schema)
    assert to_openapi(fitted) == fitted


@LAW
@given(schemas())
def test_a_fitted_schema_read_back_is_fitted_to_the_same(sample: Sample) -> None:
    fitted = to_openapi(sample.schema)
    assert to_openapi(from_openapi(fitted)) == fitted


@LAW
@given(schemas())
def test_fitting_leaves_the_schema_alone_and_gives_every_caller_a_copy(sample: Sample) -> None:
    before = deepcopy(sample.schema)
    first = to_openapi(sample.schema)
    said: JsonObject = deepcopy(first)
    assert sample.schema == before
    first.clear()
    assert to_openapi(sample.schema) == said
