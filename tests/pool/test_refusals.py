from gateway.pool.pool import Hop
from gateway.pool.refusals import Refusal, Refusals

HOPS = [Hop("main", "m")]
REFUSAL = Refusal(2.0, 60.0, frozenset({"Overloaded"}))


def test_a_refusal_is_in_force_until_someone_is_to_be_asked_again() -> None:
    refusals = Refusals()
    assert refusals.on(HOPS, 1.0) is None

    refusals.add(HOPS, REFUSAL)

    assert refusals.on(HOPS, 1.9) is REFUSAL
    assert refusals.on(HOPS, 2.0) is None
    assert refusals.on([Hop("main", "other")], 1.0) is None


def test_nothing_is_refused_any_more_once_somebody_has_woken() -> None:
    refusals = Refusals()
    refusals.add(HOPS, REFUSAL)
    refusals.clear()

    assert refusals.on(HOPS, 1.0) is None


def test_names_that_clients_make_up_are_not_all_remembered() -> None:
    refusals = Refusals()
    for number in range(5000):
        refusals.add([Hop("main", f"m{number}")], REFUSAL)

    kept = sum(refusals.on([Hop("main", f"m{number}")], 1.0) is not None for number in range(5000))
    assert 0 < kept <= 1000
