"""Who guesses at keys waits, ever longer; nobody else does."""

from gateway.access.guesses import Guesses


class Hands:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def guesses() -> tuple[Guesses, Hands]:
    clock = Hands()
    return Guesses(clock), clock


def test_ten_wrong_keys_a_minute_are_mistakes() -> None:
    counted, clock = guesses()
    for _ in range(5):
        assert [counted.wrong("a") for _ in range(10)] == [0.0] * 10
        clock.now += 60


def test_the_eleventh_waits_and_the_wait_runs_down() -> None:
    counted, clock = guesses()
    waits = [counted.wrong("a") for _ in range(11)]
    assert waits[10] == 60
    clock.now += 20
    assert counted.wrong("a") == 40


def test_the_wait_grows_up_to_a_quarter_of_an_hour() -> None:
    counted, clock = guesses()
    waits = []
    for _ in range(7):
        wait = [counted.wrong("a") for _ in range(11)][-1]
        waits.append(wait)
        clock.now += wait
    assert waits == [60, 120, 240, 480, 900, 900, 900]


def test_one_guesser_makes_nobody_else_wait() -> None:
    counted, _ = guesses()
    assert [counted.wrong("a") for _ in range(11)][-1] > 0
    assert counted.wrong("b") == 0


def test_a_long_silence_is_forgiven() -> None:
    counted, clock = guesses()
    for _ in range(11):
        counted.wrong("a")
    clock.now += 60 + 901
    assert [counted.wrong("a") for _ in range(11)][-1] == 60


def test_only_so_many_addresses_are_remembered() -> None:
    counted, _ = guesses()
    for n in range(11):
        counted.wrong("first")
        for other in range(1000):
            counted.wrong(f"{n}-{other}")
    assert len(counted._guessers) == 10_000  # noqa: SLF001 - that the memory is bounded shows nowhere else
    assert counted.wrong("10-999") == 0
