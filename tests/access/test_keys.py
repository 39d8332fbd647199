import pytest

from gateway.access.keys import ClientKeys


def test_a_known_key_is_admitted_and_no_other() -> None:
    keys = ClientKeys(["first-key", "second-key"])

    assert keys.admits("first-key")
    assert keys.admits("second-key")
    assert not keys.open


@pytest.mark.parametrize("presented", [None, "", "first-ke", "first-key ", "FIRST-KEY", "\udc80"])
def test_anything_else_is_not_admitted(presented: str | None) -> None:
    assert not ClientKeys(["first-key"]).admits(presented)


def test_without_keys_everybody_is_let_in() -> None:
    keys = ClientKeys([])

    assert keys.open
    assert keys.admits(None)


def test_the_keys_themselves_are_not_kept() -> None:
    keys = ClientKeys(["first-key"])

    assert "first-key" not in repr([getattr(keys, name) for name in keys.__slots__])
