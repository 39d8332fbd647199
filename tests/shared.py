"""Where the reference material stands, for the suites that run over it."""

import os
from pathlib import Path

import pytest


def shared(*parts: str) -> Path:
    """The path of something in the reference material; skips the test, and says so, where there is none."""
    root = os.environ.get("GATEWAY_SHARED")
    if not root:
        pytest.skip("GATEWAY_SHARED is not set: the suites over the reference material do not run")
    path = Path(root, *parts)
    assert path.exists(), f"GATEWAY_SHARED has no {'/'.join(parts)}"
    return path
