"""Three minutes of mixed traffic leave nothing behind. The long run: `python -m tests.soak --minutes 30`."""

from pathlib import Path

import pytest

from tests.soak.soak import soak

pytestmark = [pytest.mark.slow, pytest.mark.shared]


async def test_three_minutes_of_mixed_traffic_leave_nothing_behind(tmp_path: Path) -> None:
    report = await soak(tmp_path, minutes=3, rate=25)
    assert report.failures() == [], str(report)
    assert report.ended["whole"] > report.ended.total() / 2
    assert report.ended["left"] > 0
