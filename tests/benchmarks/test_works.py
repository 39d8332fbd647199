"""What the benchmark promises of itself; nothing here is timed."""

from pathlib import Path

import orjson
import pytest

from tests.benchmarks import bare_proxy
from tests.benchmarks.works import WORKS, Work


def test_the_baseline_is_as_small_as_it_claims() -> None:
    assert len(Path(bare_proxy.__file__).read_text().splitlines()) <= 60


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_both_dialects_say_the_same_amount(work: Work) -> None:
    sizes = [len(work.request(dialect)) for dialect in ("openai", "anthropic")]
    assert max(sizes) < 1.3 * min(sizes)


def test_the_large_request_has_its_size() -> None:
    (large,) = (work for work in WORKS if work.size == "large")
    assert 140_000 < len(large.request("openai")) < 190_000


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_a_stream_is_asked_for_where_events_are_counted(work: Work) -> None:
    for dialect in ("openai", "anthropic"):
        body = orjson.loads(work.request(dialect).partition(b"\r\n\r\n")[2])
        assert body.get("stream", False) is (work.events > 1)
