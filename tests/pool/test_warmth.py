"""An account is warm for a while after an answer, and is not asked for ever where it does not."""

from gateway.pool.warmth import Warmth


def warmth() -> Warmth:
    return Warmth(idle_s=3600, probe_every_s=30, give_up_s=100)


def test_it_is_warm_for_so_long_after_its_latest_answer() -> None:
    one = warmth()
    assert not one.is_warm(0.0)
    one.answer(10.0)
    assert one.is_warm(3609.0)
    assert not one.is_warm(3610.0)


def test_it_is_asked_so_often_and_at_once_for_the_first_time() -> None:
    one = warmth()
    assert one.is_due(0.0)
    one.ask(0.0)
    assert not one.is_due(29.0)
    assert one.is_due(30.0)


def test_it_is_given_up_after_so_long_without_an_answer() -> None:
    one = warmth()
    for now in (10.0, 40.0, 70.0):
        one.ask(now)
    assert not one.is_hopeless(109.0)
    assert one.is_hopeless(110.0)
    one.hope()
    assert not one.is_hopeless(110.0)


def test_an_answer_ends_the_questions() -> None:
    one = warmth()
    one.ask(0.0)
    one.answer(50.0)
    one.ask(4000.0)
    assert not one.is_hopeless(4099.0)
