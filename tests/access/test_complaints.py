from gateway.access.complaints import LIFE_S, Answer, Complaint, Complaints

ALICE, BOB = b"alice", b"bob"
GIVEN = Answer("main", "main-1", "gpt-test")


class Clock:
    """Time that passes when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def answered(count: int = 10, most_answers: int = 100) -> tuple[Complaints, Clock]:
    clock = Clock()
    complaints = Complaints(clock, most_answers, most_clients=2)
    for number in range(count):
        complaints.answered(ALICE, f"req-{number}", GIVEN)
    return complaints, clock


def test_a_complaint_names_who_gave_the_answer() -> None:
    complaints, _ = answered()
    assert complaints.complain(ALICE, "req-3") == (Complaint.COUNTS, GIVEN)


def test_an_answer_can_be_complained_of_once_only_and_by_nobody_else() -> None:
    complaints, _ = answered(count=30)
    assert complaints.complain(BOB, "req-3") == (Complaint.UNKNOWN, None)
    assert complaints.complain(ALICE, "req-3") == (Complaint.COUNTS, GIVEN)
    assert complaints.complain(ALICE, "req-3") == (Complaint.REPEATED, None)


def test_after_an_hour_it_is_too_late() -> None:
    complaints, clock = answered()
    clock.now += LIFE_S - 1
    for number in range(10, 20):
        complaints.answered(ALICE, f"req-{number}", GIVEN)
    assert complaints.complain(ALICE, "req-3") == (Complaint.COUNTS, GIVEN)
    clock.now += 1
    assert complaints.complain(ALICE, "req-4") == (Complaint.UNKNOWN, None)


def test_of_a_clients_answers_at_most_a_tenth_counts() -> None:
    complaints, _ = answered(count=35)
    outcomes = [complaints.complain(ALICE, f"req-{number}")[0] for number in range(35)]
    assert outcomes == [Complaint.COUNTS] * 3 + [Complaint.ONE_TOO_MANY] * 32


def test_who_has_asked_fewer_than_ten_times_is_heard_but_does_not_count() -> None:
    complaints, _ = answered(count=9)
    assert complaints.complain(ALICE, "req-0") == (Complaint.ONE_TOO_MANY, None)


def test_what_counted_an_hour_ago_makes_room_for_others() -> None:
    complaints, clock = answered()
    complaints.complain(ALICE, "req-0")
    clock.now += LIFE_S
    for number in range(10):
        complaints.answered(ALICE, f"new-{number}", GIVEN)
    assert complaints.complain(ALICE, "new-0") == (Complaint.COUNTS, GIVEN)


def test_only_so_many_answers_and_clients_are_remembered() -> None:
    complaints, _ = answered(count=20, most_answers=12)
    assert complaints.complain(ALICE, "req-7")[0] is Complaint.UNKNOWN
    assert complaints.complain(ALICE, "req-10")[0] is Complaint.COUNTS
    for stranger in (b"1", b"2"):
        complaints.answered(stranger, "req", GIVEN)
    # Whose answers are not counted any more has none to complain of.
    assert complaints.complain(ALICE, "req-12")[0] is Complaint.ONE_TOO_MANY


def test_an_id_that_a_client_uses_again_stands_for_the_later_answer() -> None:
    complaints, _ = answered(count=20)
    other = Answer("main", "main-2", "gpt-test")
    complaints.answered(ALICE, "req-0", other)
    assert complaints.complain(ALICE, "req-0") == (Complaint.COUNTS, other)
