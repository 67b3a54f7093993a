from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.base import Busy
from engine.models.line import Line, Priority, Ticket

PEOPLE = st.sampled_from(["mara", "jon", "ada"])


def line_of(tickets: Iterable[Ticket], *, length: int = 100) -> Line[str]:
    line: Line[str] = Line(length)
    for number, ticket in enumerate(tickets):
        line.join(f"{ticket.user_id}{number}", ticket, now=0.0)
    return line


def served(line: Line[str], running: Iterable[str] = (), now: float = 0.0) -> list[str]:
    """Everybody's turns, one after the other."""
    taken = []
    while order := line.order(set(running), now=now):
        taken.append(order[0])
        line.take(order[0], order[0].rstrip("0123456789"))
    return taken


def test_people_take_turns_however_many_requests_one_of_them_has() -> None:
    line = line_of(Ticket(who) for who in ("mara", "mara", "mara", "jon", "ada"))
    assert served(line) == ["mara0", "jon3", "ada4", "mara1", "mara2"]


def test_a_question_goes_before_a_summary_and_a_summary_before_a_grid() -> None:
    line = line_of(Ticket(who, of) for who, of in zip("abc", reversed(Priority), strict=True))
    assert served(line) == ["c2", "b1", "a0"]


def test_two_minutes_of_waiting_make_a_grid_as_urgent_as_a_question() -> None:
    line = line_of([Ticket("a", Priority.GRID)])
    line.join("b1", Ticket("b"), now=110.0)
    assert line.order((), now=119.0) == ["b1", "a0"]
    assert line.order((), now=120.0) == ["a0", "b1"]


def test_who_has_a_request_running_goes_after_everybody_else() -> None:
    line = line_of([Ticket("mara"), Ticket("jon", Priority.GRID)])
    assert line.order({"mara"}, now=0.0) == ["jon1", "mara0"]


def test_who_comes_back_at_once_is_behind_who_had_a_turn_longer_ago() -> None:
    line = line_of(Ticket(who) for who in ("jon", "jon", "mara"))
    for number in range(3, 6):
        assert line.order((), now=0.0)[0].startswith("jon" if number % 2 else "mara")
        first = line.order((), now=0.0)[0]
        line.take(first, first.rstrip("0123456789"))
        if first.startswith("mara"):
            line.join(f"mara{number}", Ticket("mara"), now=0.0)


def test_a_full_line_refuses_questions_and_still_takes_a_summary() -> None:
    line = line_of([Ticket("a"), Ticket("b")], length=2)
    with pytest.raises(Busy, match="2 requests wait for the model already; ask again in a minute"):
        line.join("c", Ticket("c"), now=0.0)
    line.join("c", Ticket("c", Priority.SUMMARY), now=0.0)
    assert len(line) == 3


def test_who_leaves_makes_room() -> None:
    line = line_of([Ticket("a")], length=1)
    assert line.leave("a0")
    assert not line.leave("a0")
    line.join("b1", Ticket("b"), now=0.0)


@given(st.lists(st.builds(Ticket, PEOPLE, st.sampled_from(Priority)), max_size=20), st.sets(PEOPLE))
def test_everybody_in_the_line_has_exactly_one_place(tickets: list[Ticket], running: set[str]) -> None:
    names = [f"{ticket.user_id}{number}" for number, ticket in enumerate(tickets)]
    assert sorted(line_of(tickets).order(running, now=0.0)) == sorted(names)
    assert sorted(served(line_of(tickets), running)) == sorted(names)


@given(st.lists(PEOPLE, max_size=20))
def test_the_places_told_are_the_turns_that_come_when_nobody_joins(people: list[str]) -> None:
    told = line_of(Ticket(who) for who in people).order((), now=0.0)
    turns = served(line_of(Ticket(who) for who in people))
    assert [one.rstrip("0123456789") for one in told] == [one.rstrip("0123456789") for one in turns]
