"""What commands are tested in."""

import os
import re
from pathlib import Path

import pytest


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A directory and an environment with nothing in them."""
    monkeypatch.chdir(tmp_path)
    for name in [
        name for name in os.environ if re.match("SERVER_|GATEWAY_|LOG_|ADMIN_|.*API_KEY|.*BASE_URL", name)
    ]:
        monkeypatch.delenv(name)
    return monkeypatch
