"""Time as a parameter: nothing here reads a clock, whoever needs one is given it."""

from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""A monotonic clock in seconds."""
