"""Membership alone opens a matter; every refusal is recorded and tells nothing."""

from __future__ import annotations

import json

import pytest

from storage.access import Access
from storage.accounts import SYSTEM, Accounts
from storage.audit import AuditLog
from storage.database import Database
from storage.errors import NotFound, Refused
from storage.library import Library
from storage.records import Actor, Role, Sending


class World:
    """One administrator, three members, two matters."""

    def __init__(self, database: Database, library: Library, audit: AuditLog) -> None:
        self.audit, self.library = audit, library
        self.access, self.accounts = Access(database, audit), Accounts(database, audit)
        self.operator = Accounts.local_operator()
        self.boss = self._person("boss", Role.ADMINISTRATOR)
        self.anna, self.bob, self.cleo = (self._person(name, Role.MEMBER) for name in ("anna", "bob", "cleo"))
        library.create_matter("Alpha", self.anna)
        library.create_matter("Beta", self.bob)

    def _person(self, name: str, role: Role) -> Actor:
        made = self.accounts.add_user(name, role, by=self.operator, password="a long enough password")
        return Actor(made.user.id, name, role, "browser", f"session_{name}", "10.0.0.1")

    def names(self, actor: Actor) -> list[str]:
        return [one.name for one in self.access.matters_of(actor)]

    def kinds(self) -> list[str]:
        return [entry.kind for entry in reversed(self.audit.entries(limit=1_000))]


@pytest.fixture
def world(database: Database, library: Library, audit: AuditLog) -> World:
    return World(database, library, audit)


def test_a_creator_is_the_first_member_and_nobody_else_is(world: World) -> None:
    assert world.access.scope(world.anna, "Alpha").actor is world.anna
    assert [one.name for one in world.access.members(world.access.scope(world.anna, "Alpha"))] == ["anna"]
    assert (world.names(world.anna), world.names(world.bob), world.names(world.cleo)) == (
        ["Alpha"],
        ["Beta"],
        [],
    )


def test_an_administrator_who_is_no_member_sees_nothing(world: World) -> None:
    assert world.names(world.boss) == []
    with pytest.raises(NotFound):
        world.access.scope(world.boss, "Alpha")


def test_operators_pass(world: World) -> None:
    for operator in (world.operator, SYSTEM):
        assert world.names(operator) == ["Alpha", "Beta"]
        assert world.access.scope(operator, "Beta").matter.name == "Beta"


def test_a_walled_matter_and_a_missing_one_get_the_same_words(world: World) -> None:
    words = []
    for name in ("Beta", "Gamma"):
        with pytest.raises(NotFound) as refused:
            world.access.scope(world.anna, name)
        words.append(str(refused.value).replace(name, "?"))
    assert words[0] == words[1]
    assert words[0].startswith("no matter named '?' that you can open; ")


def test_refusals_are_recorded_with_who_and_what(world: World) -> None:
    for name in ("Beta", "Gamma"):
        with pytest.raises(NotFound):
            world.access.scope(world.anna, name)
    missing, walled = world.audit.entries(kinds=["access.refused"])
    assert (walled.actor, walled.matter_id) == (
        world.anna.id,
        world.access.scope(world.bob, "Beta").matter.id,
    )
    assert json.loads(walled.canonical)["actor"]["session"] == "session_anna"
    assert (missing.matter_id, json.loads(missing.canonical)["data"]) == (None, {"matter": "Gamma"})


def test_an_operators_slip_of_the_pen_is_no_refusal(world: World) -> None:
    before = world.audit.size()
    with pytest.raises(NotFound):
        world.access.scope(world.operator, "Gamma")
    assert world.audit.size() == before


def test_a_member_is_let_in_and_shut_out_at_once(world: World) -> None:
    alpha = world.access.scope(world.anna, "Alpha")
    world.access.add_member(alpha, world.bob.id)
    world.access.add_member(alpha, world.bob.id)
    assert world.names(world.bob) == ["Alpha", "Beta"]
    world.access.remove_member(alpha, world.bob.id)
    with pytest.raises(NotFound):
        world.access.scope(world.bob, "Alpha")
    told = [entry.kind for entry in world.audit.entries(matter_ids=[alpha.matter.id])]
    assert told == [
        "access.refused", "member.removed", "member.added", "member.added", "matter.created",
    ]  # fmt: skip


def test_an_ordinary_member_does_not_say_who_else_is_in(world: World) -> None:
    world.access.add_member(world.access.scope(world.anna, "Alpha"), world.bob.id)
    with pytest.raises(Refused, match="administrator"):
        world.access.add_member(world.access.scope(world.bob, "Alpha"), world.cleo.id)
    assert world.names(world.cleo) == []
    assert world.kinds()[-1] == "access.refused"


def test_an_administrator_in_the_matter_says_who_else_is(world: World) -> None:
    world.access.add_member(world.access.scope(world.operator, "Alpha"), world.boss.id)
    world.access.add_member(world.access.scope(world.boss, "Alpha"), world.cleo.id)
    assert world.names(world.cleo) == ["Alpha"]


def test_a_scope_kept_from_before_does_not_outlive_the_membership(world: World) -> None:
    alpha = world.access.scope(world.anna, "Alpha")
    world.access.remove_member(world.access.scope(world.operator, "Alpha"), world.anna.id)
    with pytest.raises(NotFound):
        world.access.add_member(alpha, world.cleo.id)


def test_removing_somebody_who_is_not_in_is_said(world: World) -> None:
    alpha = world.access.scope(world.anna, "Alpha")
    with pytest.raises(NotFound, match="'bob' is not in matter 'Alpha'"):
        world.access.remove_member(alpha, world.bob.id)
    with pytest.raises(NotFound, match="no user"):
        world.access.add_member(alpha, "user_nobody")


def test_a_disabled_member_opens_nothing(world: World) -> None:
    world.accounts.disable(world.anna.id, by=world.boss)
    assert world.names(world.anna) == []
    with pytest.raises(NotFound):
        world.access.scope(world.anna, "Alpha")


def test_documents_narrow_a_scope_by_id_or_path(world: World, tmp_path) -> None:
    alpha, beta = world.access.scope(world.anna, "Alpha"), world.access.scope(world.bob, "Beta")
    ids = {}
    for scope, path in ((alpha, "a.txt"), (alpha, "b.txt"), (beta, "c.txt")):
        (data := tmp_path / path).write_text(path)
        ids[path] = world.library.receive(scope, path=path, data=data, media_type="text/plain").document_id
    assert alpha.document_ids is None
    assert world.access.scope(world.anna, "Alpha", documents=["a.txt"]).document_ids == {ids["a.txt"]}
    both = world.access.scope(world.anna, "Alpha", documents=[ids["a.txt"], "b.txt"])
    assert both.document_ids == {ids["a.txt"], ids["b.txt"]}
    assert world.access.scope(world.anna, "Alpha", documents=[]).document_ids == frozenset()
    for other in ("c.txt", ids["c.txt"]):
        with pytest.raises(NotFound, match="no document"):
            world.access.scope(world.anna, "Alpha", documents=["a.txt", other])


def test_administrators_acts_are_refused_to_members_and_recorded(world: World) -> None:
    world.access.require_administrator(world.boss, act="read the audit log")
    world.access.require_administrator(world.operator, act="read the audit log")
    with pytest.raises(Refused, match="only an administrator can read the audit log"):
        world.access.require_administrator(world.anna, act="read the audit log")
    assert world.kinds()[-1] == "access.refused"


def test_nothing_may_leave_a_matter_until_an_administrator_in_it_says_so(world: World) -> None:
    anna = world.access.scope(world.anna, "Alpha")
    assert world.access.sending(anna) is Sending.LOCAL_ONLY
    with pytest.raises(Refused):
        world.access.set_sending(anna, Sending.ALLOWED)
    world.access.add_member(anna, world.boss.id)
    boss = world.access.scope(world.boss, "Alpha")
    world.access.set_sending(boss, Sending.REDACT)
    world.access.set_sending(boss, Sending.REDACT)
    assert world.access.sending(anna) is Sending.REDACT
    assert world.access.sending(world.access.scope(world.bob, "Beta")) is Sending.LOCAL_ONLY
    (entry,) = world.audit.entries(kinds=["matter.sending"])
    assert json.loads(entry.canonical)["data"] == {"before": "local_only", "after": "redact_then_remote"}


def test_who_left_a_matter_neither_sees_nor_changes_what_may_leave_it(world: World) -> None:
    alpha = world.access.scope(world.anna, "Alpha")
    world.access.add_member(alpha, world.boss.id)
    boss = world.access.scope(world.boss, "Alpha")
    world.access.remove_member(alpha, world.boss.id)
    with pytest.raises(NotFound):
        world.access.sending(boss)
    with pytest.raises(NotFound):
        world.access.set_sending(boss, Sending.ALLOWED)
