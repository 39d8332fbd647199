"""Ids and names that fit a protocol's rules."""

import re

from hypothesis import given
from hypothesis import strategies as st

from gateway.protocols.names import fit_id, fit_names

IDS = re.compile(r"[a-zA-Z0-9_-]{1,40}")
NAMES = re.compile(r"[a-zA-Z0-9_-]{1,64}")
FIRST_A_LETTER = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")


def test_an_id_that_fits_stays() -> None:
    assert fit_id("call_1", IDS) == "call_1"


@given(st.text(max_size=60))
def test_every_id_is_made_to_fit_and_always_in_the_same_way(call_id: str) -> None:
    fitted = fit_id(call_id, IDS)
    assert IDS.fullmatch(fitted)
    assert fitted == fit_id(call_id, IDS)


def test_two_ids_stay_two() -> None:
    assert fit_id("a.b", IDS) != fit_id("a:b", IDS)


def test_a_name_that_fits_stays() -> None:
    assert fit_names(["read_file"], NAMES, 64) == {"read_file": "read_file"}


def test_a_stand_in_can_still_be_read() -> None:
    (sent,) = fit_names(["files.read"], NAMES, 64).values()
    assert re.fullmatch(r"files_read_[0-9a-f]{4}", sent)


@given(st.lists(st.text("ab._é1-", max_size=70), max_size=6), st.sampled_from([NAMES, FIRST_A_LETTER]))
def test_every_name_fits_and_no_two_are_alike(names: list[str], allowed: re.Pattern[str]) -> None:
    fitted = fit_names(names, allowed, 64)
    assert fitted.keys() == set(names)
    assert all(allowed.fullmatch(sent) for sent in fitted.values())
    assert len(set(fitted.values())) == len(fitted)
    assert fitted == fit_names(names, allowed, 64)


def test_a_stand_in_that_a_client_already_uses_is_made_longer() -> None:
    (stand_in,) = fit_names(["a.b"], NAMES, 64).values()
    fitted = fit_names(["a.b", stand_in], NAMES, 64)
    assert fitted[stand_in] == stand_in
    assert fitted["a.b"].startswith(stand_in)
    assert fitted["a.b"] != stand_in
