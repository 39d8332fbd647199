import asyncio

import pytest

from gateway import errors
from gateway.pool.queue import Queue


async def test_who_comes_first_is_called_first() -> None:
    queue, called = Queue(), list[int]()

    async def wait(number: int) -> None:
        await queue.wait(60, 60)
        called.append(number)

    async with asyncio.TaskGroup() as group:
        for number in range(3):
            group.create_task(wait(number))
        await asyncio.sleep(0)
        queue.call()

    assert called == [0, 1, 2]


async def test_what_opens_by_itself_is_waited_for() -> None:
    await Queue().wait(0.0, 60)


async def test_patience_ends() -> None:
    with pytest.raises(errors.Unavailable) as caught:
        await Queue().wait(60, 0.0)

    assert caught.value.retry_after_s == 1.0


async def test_no_more_than_so_many_wait() -> None:
    queue = Queue(most=1)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(queue.wait(60, 60))
        await asyncio.sleep(0)
        with pytest.raises(errors.Unavailable, match="too many"):
            await queue.wait(60, 60)
        queue.call()
    assert first.done()


async def test_who_gives_up_leaves_its_place() -> None:
    queue = Queue(most=1)
    first = asyncio.ensure_future(queue.wait(60, 60))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    await queue.wait(0.0, 60)
