"""Sign-in gives nothing away, sessions end when they should, and every act is recorded."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters

from storage.accounts import SYSTEM, Accounts, SignIn
from storage.audit import AuditLog
from storage.database import Database
from storage.errors import NotFound, Refused, WrongUse
from storage.passwords import Failures, wait_after
from storage.records import Actor, Role

PASSWORD = "correct horse battery"


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(database: Database, audit: AuditLog, clock: Clock) -> Accounts:
    return Accounts(database, audit, clock=clock)


@pytest.fixture
def boss(accounts: Accounts) -> SignIn:
    code = accounts.welcome_ticket()
    assert code
    return accounts.redeem_welcome(code, "Boss", PASSWORD, address="10.0.0.1")


@pytest.fixture
def anna(accounts: Accounts, boss: SignIn) -> str:
    return accounts.add_user("Anna", Role.MEMBER, by=boss.actor, password=PASSWORD).user.id


def kinds(audit: AuditLog) -> list[str]:
    return [entry.kind for entry in reversed(audit.entries(limit=1_000))]


def stored(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "muniment.db")) as connection:
        return connection.execute(query).fetchall()


def guess(accounts: Accounts, name: str, times: int, address: str = "10.6.6.6") -> str:
    words = ""
    for _ in range(times):
        with pytest.raises(Refused) as refused:
            accounts.sign_in(name, "not the password", address=address)
        words = str(refused.value)
    return words


def test_the_first_administrator_comes_in_by_a_code_used_once(accounts: Accounts, audit: AuditLog) -> None:
    code = accounts.welcome_ticket()
    opened = accounts.redeem_welcome(f" {code.lower()} ", "Boss", PASSWORD)
    assert accounts.actor_for(opened.token) == opened.actor
    assert (opened.actor.role, opened.actor.via) == (Role.ADMINISTRATOR, "browser")
    assert sorted(kinds(audit)) == ["session.open", "user.added"]
    with pytest.raises(Refused, match="welcome code"):
        accounts.redeem_welcome(code, "Second", PASSWORD)
    assert [one.name for one in accounts.users()] == ["Boss"]
    assert accounts.welcome_ticket() is None


def test_a_new_welcome_code_replaces_the_old_one(accounts: Accounts) -> None:
    first, second = accounts.welcome_ticket(), accounts.welcome_ticket()
    with pytest.raises(Refused):
        accounts.redeem_welcome(first, "Boss", PASSWORD)
    assert accounts.redeem_welcome(second, "Boss", PASSWORD)


def test_a_welcome_code_is_not_spent_on_a_bad_password(accounts: Accounts) -> None:
    code = accounts.welcome_ticket()
    with pytest.raises(WrongUse):
        accounts.redeem_welcome(code, "Boss", "short")
    assert accounts.redeem_welcome(code, "Boss", PASSWORD)


@pytest.mark.parametrize("password", ["", "elevencharz", "aaaaaaaaaaaaaaa", "x" * 1_001, "LONGISH NAME"])
def test_weak_passwords_are_refused_in_one_line(accounts: Accounts, boss: SignIn, password: str) -> None:
    with pytest.raises(WrongUse) as refused:
        accounts.add_user("Longish name", Role.MEMBER, by=boss.actor, password=password)
    assert "\n" not in str(refused.value)
    assert not password or password not in str(refused.value)


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\x00b", "boss", " BOSS "])
def test_names_that_are_taken_or_cannot_be_read_are_refused(
    accounts: Accounts, boss: SignIn, name: str
) -> None:
    with pytest.raises(WrongUse):
        accounts.add_user(name, Role.MEMBER, by=boss.actor)


def test_a_password_made_for_somebody_works_and_is_kept_nowhere(
    accounts: Accounts, boss: SignIn, home: Path
) -> None:
    made = accounts.add_user("Bob", Role.MEMBER, by=boss.actor)
    assert made.password
    assert accounts.sign_in("bob", made.password).actor.id == made.user.id
    files = b"".join(path.read_bytes() for path in home.glob("muniment.db*"))
    assert b"user_account" in files
    assert made.password.encode() not in files


def test_only_hashes_of_tokens_codes_and_passwords_are_stored(
    accounts: Accounts, boss: SignIn, home: Path
) -> None:
    secrets = [boss.token, accounts.hand_over(boss.token), PASSWORD]
    files = b"".join(path.read_bytes() for path in home.glob("muniment.db*"))
    assert b"user_account" in files
    assert [secret for secret in secrets if secret.encode() in files] == []
    assert boss.token not in repr(boss)


def test_passwords_are_kept_at_or_above_the_accepted_floor(boss: SignIn, home: Path) -> None:
    ((kept,),) = stored(home, "SELECT password_hash FROM user_account")
    costs = extract_parameters(str(kept))
    assert costs.type.name == "ID"
    assert (costs.memory_cost >= 19 * 1024, costs.time_cost >= 2, costs.parallelism >= 1) == (
        True,
        True,
        True,
    )


def test_a_hash_with_old_costs_is_renewed_at_sign_in(accounts: Accounts, anna: str, home: Path) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with closing(sqlite3.connect(home / "muniment.db")) as connection:
        connection.execute("UPDATE user_account SET password_hash = ? WHERE id = ?", (old, anna))
        connection.commit()
    accounts.sign_in("Anna", PASSWORD)
    ((kept,),) = stored(home, f"SELECT password_hash FROM user_account WHERE id = '{anna}'")
    assert kept != old
    assert accounts.sign_in("Anna", PASSWORD)


def test_unknown_wrong_and_disabled_get_the_same_words(accounts: Accounts, boss: SignIn, anna: str) -> None:
    wrong, unknown = guess(accounts, "Anna", 1), guess(accounts, "Nobody", 1)
    accounts.disable(anna, by=boss.actor)
    with pytest.raises(Refused) as disabled:
        accounts.sign_in("Anna", PASSWORD)
    assert wrong == unknown == str(disabled.value)


def test_unknown_users_cost_the_same_work(accounts: Accounts, anna: str, monkeypatch) -> None:
    hashed: list[str] = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(
        PasswordHasher, "verify", lambda self, kept, given: hashed.append(kept) or verify(self, kept, given)
    )
    guess(accounts, "Anna", 1)
    guess(accounts, "Nobody", 1)
    first, second = (extract_parameters(kept) for kept in hashed)
    assert first == second


def test_known_and_unknown_names_wait_alike(accounts: Accounts, anna: str) -> None:
    assert guess(accounts, "Anna", 9) == guess(accounts, "Nobody", 9)
    assert "try again in" in guess(accounts, "Nobody", 1, address="10.6.6.7")
    assert "try again in" in guess(accounts, "Anna", 1, address="10.6.6.7")


def test_waits_grow_and_end(accounts: Accounts, anna: str, clock: Clock) -> None:
    waits = [wait_after(failures).total_seconds() for failures in range(30)]
    assert waits == sorted(waits)
    assert (waits[5], waits[6], waits[29]) == (0, 2, 900)
    assert "in 2 seconds" in guess(accounts, "Anna", 7)
    with pytest.raises(Refused, match="try again"):
        accounts.sign_in("Anna", PASSWORD, address="10.6.6.6")
    clock.forward(seconds=2)
    assert accounts.sign_in("Anna", PASSWORD, address="10.6.6.6")
    assert "do not fit" in guess(accounts, "Anna", 1)


def test_an_attempt_while_waiting_does_no_hashing(accounts: Accounts, anna: str, monkeypatch) -> None:
    guess(accounts, "Anna", 6)

    def never(*_: object) -> bool:
        raise AssertionError("hashed")

    monkeypatch.setattr(PasswordHasher, "verify", never)
    assert "try again in" in guess(accounts, "Anna", 20)


def test_a_guesser_elsewhere_cannot_keep_somebody_out(accounts: Accounts, anna: str) -> None:
    accounts.sign_in("Anna", PASSWORD, address="10.0.0.9")
    assert "try again in" in guess(accounts, "Anna", 8)
    assert accounts.sign_in("Anna", PASSWORD, address="10.0.0.9")
    assert "try again in" in guess(accounts, "Anna", 8, address="10.0.0.9")


def test_seconds_left_are_rounded_up() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert Failures(6, at + timedelta(seconds=1.2)).seconds_left(at) == 2
    assert Failures(6, at).seconds_left(at) == 0


def test_refused_attempts_are_recorded_without_what_was_typed(
    accounts: Accounts, anna: str, audit: AuditLog
) -> None:
    guess(accounts, "My Secret Passphrase", 1)
    guess(accounts, "Anna", 7)
    entries = list(reversed(audit.entries(kinds=["session.refused"])))
    told = [json.loads(entry.canonical)["data"] for entry in entries]
    assert told[0] == {"reason": "no such user", "user_id": None}
    assert told[1] == {"reason": "wrong password", "user_id": anna}
    assert told[-1] == {"reason": "too many attempts", "user_id": anna}
    assert len(told) == 8
    assert not any(b"Secret" in entry.canonical for entry in entries)
    assert json.loads(entries[0].canonical)["actor"]["address"] == "10.6.6.6"


def test_a_session_ends_after_twelve_hours(accounts: Accounts, boss: SignIn, clock: Clock) -> None:
    for _ in range(11):
        clock.forward(hours=1)
        assert accounts.actor_for(boss.token)
    clock.forward(hours=1)
    assert accounts.actor_for(boss.token) is None


def test_a_session_ends_after_two_idle_hours(accounts: Accounts, boss: SignIn, clock: Clock) -> None:
    clock.forward(minutes=119)
    assert accounts.actor_for(boss.token)
    clock.forward(minutes=120)
    assert accounts.actor_for(boss.token) is None


def test_use_is_written_down_at_most_once_a_minute(
    accounts: Accounts, boss: SignIn, clock: Clock, home: Path
) -> None:
    query = "SELECT seen_at FROM session"
    before = stored(home, query)
    clock.forward(seconds=59)
    accounts.actor_for(boss.token)
    assert stored(home, query) == before
    clock.forward(seconds=1)
    accounts.actor_for(boss.token)
    assert stored(home, query) != before


@pytest.mark.parametrize("token", [None, "", "x", "\udcff", "x" * 10_000])
def test_a_token_that_nobody_holds_is_nobody(accounts: Accounts, boss: SignIn, token: str | None) -> None:
    assert accounts.actor_for(token) is None


def test_signing_out_ends_this_session_alone(accounts: Accounts, boss: SignIn, audit: AuditLog) -> None:
    other = accounts.sign_in("Boss", PASSWORD)
    accounts.sign_out(boss.token)
    accounts.sign_out(boss.token)
    assert (accounts.actor_for(boss.token), accounts.actor_for(other.token)) == (None, other.actor)
    assert kinds(audit).count("session.closed") == 1


def test_a_session_is_handed_over_once(accounts: Accounts, boss: SignIn) -> None:
    ticket = accounts.hand_over(boss.token)
    token = accounts.redeem_hand_over(ticket)
    assert accounts.actor_for(token) == boss.actor
    assert accounts.actor_for(boss.token) is None
    with pytest.raises(Refused, match="was used or is too old"):
        accounts.redeem_hand_over(ticket)
    with pytest.raises(Refused):
        accounts.redeem_hand_over("")
    with pytest.raises(Refused):
        accounts.hand_over(boss.token)


def test_a_ticket_is_good_for_a_minute_and_not_after_sign_out(
    accounts: Accounts, boss: SignIn, clock: Clock
) -> None:
    late = accounts.hand_over(boss.token)
    clock.forward(seconds=60)
    with pytest.raises(Refused):
        accounts.redeem_hand_over(late)
    orphan = accounts.hand_over(boss.token)
    accounts.sign_out(boss.token)
    with pytest.raises(Refused):
        accounts.redeem_hand_over(orphan)


def test_a_welcome_code_is_no_hand_over_and_the_reverse(accounts: Accounts) -> None:
    code = accounts.welcome_ticket()
    with pytest.raises(Refused):
        accounts.redeem_hand_over(code.replace("-", ""))
    opened = accounts.redeem_welcome(code, "Boss", PASSWORD)
    with pytest.raises(Refused):
        accounts.redeem_welcome(accounts.hand_over(opened.token), "Second", PASSWORD)


def test_disabling_ends_sessions_at_once_and_enabling_lets_in_again(
    accounts: Accounts, boss: SignIn, anna: str, audit: AuditLog
) -> None:
    opened = accounts.sign_in("Anna", PASSWORD)
    accounts.disable(anna, by=boss.actor)
    accounts.disable(anna, by=boss.actor)
    assert accounts.actor_for(opened.token) is None
    assert kinds(audit)[-2:] == ["user.disabled", "session.closed"]
    accounts.enable(anna, by=boss.actor)
    assert accounts.actor_for(opened.token) is None
    assert accounts.sign_in("Anna", PASSWORD)


def test_the_last_administrator_who_can_sign_in_stays(accounts: Accounts, boss: SignIn) -> None:
    second = accounts.add_user("Second", Role.ADMINISTRATOR, by=boss.actor).user.id
    accounts.disable(second, by=boss.actor)
    with pytest.raises(Refused, match="last administrator"):
        accounts.disable(boss.actor.id, by=Accounts.local_operator())
    assert accounts.actor_for(boss.token)


def test_a_password_set_by_another_ends_all_sessions(accounts: Accounts, boss: SignIn, anna: str) -> None:
    opened = accounts.sign_in("Anna", PASSWORD)
    accounts.set_password(anna, "another long password", by=boss.actor)
    assert accounts.actor_for(opened.token) is None
    assert accounts.sign_in("Anna", "another long password")


def test_ones_own_password_is_changed_with_the_old_one(
    accounts: Accounts, boss: SignIn, anna: str, audit: AuditLog
) -> None:
    here, there = (accounts.sign_in("Anna", PASSWORD) for _ in range(2))
    with pytest.raises(Refused):
        accounts.change_password(here.actor, current="wrong", new="another long password")
    accounts.change_password(here.actor, current=PASSWORD, new="another long password")
    assert (accounts.actor_for(here.token), accounts.actor_for(there.token)) == (here.actor, None)
    assert kinds(audit)[-3:] == ["session.refused", "user.password_changed", "session.closed"]


def test_sessions_are_revoked_by_oneself_or_an_administrator(
    accounts: Accounts, boss: SignIn, anna: str
) -> None:
    mine = accounts.sign_in("Anna", PASSWORD)
    with pytest.raises(Refused):
        accounts.revoke_sessions(boss.actor.id, by=mine.actor)
    assert accounts.revoke_sessions(anna, by=mine.actor) == 1
    accounts.sign_in("Anna", PASSWORD)
    assert accounts.revoke_sessions(anna, by=boss.actor) == 1
    assert accounts.revoke_sessions(anna, by=boss.actor) == 0


def test_members_administer_nobody_and_the_try_is_recorded(
    accounts: Accounts, boss: SignIn, anna: str, audit: AuditLog
) -> None:
    member = Actor(anna, "Anna", Role.MEMBER, "browser")
    tries = [
        lambda: accounts.add_user("Eve", Role.ADMINISTRATOR, by=member),
        lambda: accounts.disable(boss.actor.id, by=member),
        lambda: accounts.enable(anna, by=member),
        lambda: accounts.set_password(boss.actor.id, PASSWORD, by=member),
    ]
    for attempt in tries:
        with pytest.raises(Refused, match="only an administrator"):
            attempt()
    assert kinds(audit)[-4:] == ["access.refused"] * 4
    assert len(accounts.users()) == 2


def test_who_is_not_there_is_not_found(accounts: Accounts, boss: SignIn) -> None:
    for act in (accounts.disable, accounts.enable, accounts.revoke_sessions):
        with pytest.raises(NotFound):
            act("user_nobody", by=boss.actor)


def test_an_account_is_not_changed_when_its_record_cannot_be_written(
    accounts: Accounts, boss: SignIn, anna: str, audit: AuditLog, monkeypatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(audit, "append_in", full)
    with pytest.raises(OSError, match="no room"):
        accounts.disable(anna, by=boss.actor)
    with pytest.raises(OSError, match="no room"):
        accounts.sign_in("Anna", PASSWORD)
    assert [one.disabled for one in accounts.users()] == [False, False]


def test_the_command_line_and_the_system_are_operators() -> None:
    operator = Accounts.local_operator()
    assert operator.id == f"operator:{operator.name}"
    assert (operator.role, operator.via, operator.is_operator) == (Role.ADMINISTRATOR, "command line", True)
    assert SYSTEM.is_operator


def test_everything_here_leaves_a_log_that_verifies(
    accounts: Accounts, boss: SignIn, anna: str, audit: AuditLog
) -> None:
    guess(accounts, "Anna", 3)
    accounts.disable(anna, by=boss.actor)
    found = audit.verify()
    assert (found.ok, found.size) == (True, 7)
