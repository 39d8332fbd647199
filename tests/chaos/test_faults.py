"""Every fault of every upstream, seen by every client: the truth about what came, and no more than that."""

from pathlib import Path

import pytest

from tests.chaos.campaign import SPEAKS, cases, deviations
from tests.chaos.upstream import chaos

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    # An SDK that is handed a count which is none, as the upstream said it.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("provider", SPEAKS)
async def test_every_fault_ends_as_it_must(tmp_path: Path, provider: str, stream: bool) -> None:
    async with chaos() as far:
        assert await deviations(tmp_path, far, cases(provider, stream=stream)) == []
