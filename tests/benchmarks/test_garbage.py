"""Requests clean up behind themselves: what holds itself is freed by the collector alone, late and dearly."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.benchmarks.load import Load
from tests.benchmarks.upstream import Upstream
from tests.benchmarks.works import WORKS, Work
from tests.gateways import free_port, openai, running

_PROMPT = [work for work in WORKS if not work.interval_s]


@contextmanager
def _collecting() -> Iterator[list[object]]:
    """What only the collector would free, of what is made meanwhile."""
    found: list[object] = []
    gc.collect()
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("work", _PROMPT, ids=lambda work: work.name)
async def test_a_request_leaves_nothing_to_the_collector(work: Work, dialect: str) -> None:
    upstream, port = Upstream(), free_port()
    async with await upstream.listen(port), running(openai(f"http://127.0.0.1:{port}")) as url:
        load = Load(int(url.rpartition(":")[2]), work.request(dialect), 1, work.streaming)
        await load.run(0.1)
        with _collecting() as left:
            assert await load.run(0.1) > 0
        ours = [kind for kind in map(type, left) if kind.__module__.startswith("gateway.")]
        assert ours == []
