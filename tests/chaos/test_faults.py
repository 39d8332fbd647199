"""Every fault of every upstream, seen by every client: the truth about what came, and no more than that."""

import re
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.chaos.campaign import SPEAKS, cases, deviations
from tests.chaos.clients import CLIENTS
from tests.chaos.departures import DEPARTURES
from tests.chaos.faults import NOT_THERE, rows
from tests.chaos.upstream import chaos
from tests.shared import shared

pytestmark = [
    pytest.mark.shared,
    pytest.mark.slow,
    # An SDK that is handed a count which is none, as the upstream said it.
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),
    # An SDK that is handed a finish reason which it does not know.
    pytest.mark.filterwarnings("ignore:.* is not a valid FinishReason:UserWarning"),
    # How the google-genai SDK makes its connections, and what it leaves behind of a stream that broke.
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Unclosed connection:ResourceWarning"),
]

NO_UPSTREAM_HAS = frozenset({"flaky", "oauth", "ok"})
"""Categories of faults that are none of a reply."""


@pytest.mark.parametrize("sdk", CLIENTS)
@pytest.mark.parametrize("provider", SPEAKS)
async def test_every_fault_ends_as_it_must(tmp_path: Path, provider: str, sdk: str) -> None:
    async with chaos() as far:
        assert await deviations(tmp_path, far, cases(provider, sdk)) == []


async def test_every_fault_there_is_is_met_at_every_upstream_that_can_have_it() -> None:
    async with chaos() as far:
        categories = await far.categories()
    faults = {name for name, category in categories.items() if category not in NO_UPSTREAM_HAS}
    for provider, (protocol, _) in SPEAKS.items():
        for client in {spoken for spoken, _ in SPEAKS.values()}:
            met = {row.fault.partition("~")[0] for row in rows(provider, client)}
            assert faults - met == NOT_THERE[provider], (protocol, client)
            assert not met & NOT_THERE[provider], (protocol, client)


@pytest.mark.parametrize("provider", SPEAKS)
def test_no_fault_has_two_endings(provider: str) -> None:
    for client, _ in SPEAKS.values():
        expected = Counter(
            (row.fault, stream)
            for row in rows(provider, client)
            for stream, ending in enumerate((row.whole, row.stream))
            if ending is not None
        )
        assert [fault for fault, count in expected.items() if count > 1] == []


def test_every_departure_is_from_what_the_catalogue_says_of_that_fault() -> None:
    catalogue = shared("reliability", "faults.md").read_text("utf-8")
    lines = {line.split("|")[1].strip(): line for line in catalogue.splitlines() if line.startswith("| ")}
    for departure in DEPARTURES:
        line = lines[str(departure.number)]
        names = re.findall("`([^`]+)`", line)
        for fault in {row.fault.partition("~")[0] for row in departure.rows}:
            # Of statuses it names the first.
            assert any(fnmatch(fault, name) for name in names) or fault.removeprefix("http-") in line, fault


def test_every_departure_says_why_and_nothing_that_the_catalogue_wants() -> None:
    for departure in DEPARTURES:
        assert departure.why
        assert departure.rows
        for row in departure.rows:
            assert departure.wants not in (row.whole, row.stream), row
