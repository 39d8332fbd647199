import pytest

from gateway.pool.health import Health, State, score_of, state_of
from gateway.pool.strategies.strategy import Standing


@pytest.mark.parametrize(
    ("heard", "rests", "troubled", "state"),
    [
        (False, False, False, State.UNKNOWN),
        (True, False, False, State.AVAILABLE),
        (True, False, True, State.ERROR),
        (True, True, True, State.UNAVAILABLE),
        (False, True, False, State.UNAVAILABLE),
    ],
)
def test_a_state_says_the_worst_that_is_known(heard: bool, rests: bool, troubled: bool, state: State) -> None:
    assert state_of(heard=heard, rests=rests, troubled=troubled) is state


def test_a_score_is_the_share_that_goes_well_less_in_trouble_and_none_at_rest() -> None:
    assert score_of(1.0, rests=False, troubled=False) == 100
    assert score_of(0.5, rests=False, troubled=False) == 50
    assert score_of(0.5, rests=False, troubled=True) == 25
    assert score_of(1.0, rests=True, troubled=True) == 0


def test_a_deployment_is_known_by_how_its_requests_ended() -> None:
    health = Health(Standing(0))
    assert (health.state(0.0), health.score(0.0)) == (State.UNKNOWN, 100)

    health.failed(1.0, "Overloaded")
    assert (health.state(1.0), health.score(1.0), health.failures) == (State.ERROR, 40, 1)
    assert (health.last_error, health.heard_at) == ("Overloaded", 1.0)

    health.succeeded(2.0)
    assert (health.state(2.0), health.score(2.0), health.failures) == (State.AVAILABLE, 84, 0)
    assert (health.last_error, health.heard_at) == ("", 2.0)


def test_a_model_that_rests_is_trouble_and_an_account_that_rests_is_not_available() -> None:
    health = Health(Standing(0))
    health.succeeded(0.0)
    health.account.start("m", 0.0)
    health.account.models["m"].rest(0.0, 60.0, "x")
    assert (health.state(1.0), health.score(1.0)) == (State.ERROR, 50)

    health.account.whole.rest(0.0, 30.0, "x")
    assert (health.state(1.0), health.score(1.0)) == (State.UNAVAILABLE, 0)
    assert health.state(60.0) is State.AVAILABLE
