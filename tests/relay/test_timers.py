import asyncio
from contextlib import suppress

import pytest

from gateway.errors import UpstreamTimeout
from gateway.pool.deployment import Timeouts
from gateway.relay.timers import Watch

FAR = 10.0**9


async def test_silence_before_the_first_content_is_a_timeout() -> None:
    watch = Watch(Timeouts(first_content=0.02), FAR, streaming=True)

    with pytest.raises(UpstreamTimeout, match=r"said nothing for 0\.02 s"):
        with watch:
            watch.heard(content=False)
            await asyncio.Event().wait()


async def test_a_whole_reply_has_its_own_limit() -> None:
    watch = Watch(Timeouts(first_content=FAR, non_stream=0.02), FAR, streaming=False)

    with pytest.raises(UpstreamTimeout, match=r"did not answer in 0\.02 s"):
        with watch:
            await asyncio.Event().wait()


async def test_silence_after_content_is_a_timeout() -> None:
    loop = asyncio.get_running_loop()
    watch = Watch(Timeouts(idle=0.05), FAR, streaming=True)

    with pytest.raises(UpstreamTimeout, match="fell silent"):
        with watch:
            watch.heard(content=True)
            began = loop.time()
            await asyncio.Event().wait()

    assert 0.049 <= loop.time() - began <= 0.55


async def test_the_deadline_of_the_request_ends_every_attempt() -> None:
    loop = asyncio.get_running_loop()
    watch = Watch(Timeouts(), loop.time() + 0.02, streaming=True)

    with pytest.raises(UpstreamTimeout, match="the request's deadline"):
        with watch:
            await asyncio.Event().wait()


async def test_a_timeout_of_somebody_else_is_not_ours() -> None:
    watch = Watch(Timeouts(), FAR, streaming=True)

    with pytest.raises(TimeoutError):
        with watch:
            raise TimeoutError


async def test_a_deployment_may_have_less_time_than_the_request() -> None:
    watch = Watch(Timeouts(total=0.02), FAR, streaming=True)

    with pytest.raises(UpstreamTimeout, match="deadline"):
        with watch:
            watch.heard(content=True)
            await asyncio.Event().wait()


async def test_what_is_heard_puts_the_end_off() -> None:
    loop = asyncio.get_running_loop()
    watch = Watch(Timeouts(idle=0.04), FAR, streaming=True)

    with pytest.raises(UpstreamTimeout, match="fell silent"):
        with watch:
            watch.heard(content=True)
            began = loop.time()
            loop.call_later(0.03, lambda: watch.heard(content=False))
            await asyncio.Event().wait()

    assert loop.time() - began >= 0.069


async def test_a_task_that_is_cancelled_when_a_timer_runs_out_stays_cancelled() -> None:
    watch = Watch(Timeouts(first_content=0), FAR, streaming=True)
    task = asyncio.current_task()
    assert task is not None

    with pytest.raises(asyncio.CancelledError):
        with watch:
            task.get_loop().call_later(0.005, task.cancel)
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await asyncio.Event().wait()

    task.uncancel()
