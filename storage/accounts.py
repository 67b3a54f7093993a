"""People and their sessions.

A session's token is known to the browser alone: SQL holds its SHA-256. Every question about a session is
answered from SQL, so that signing out, disabling and revoking bite at once. Whoever tries names and passwords
learns nothing from words or time: unknown, disabled and wrong get the same answer for the same work.
Changes to accounts and their record in the audit log are one transaction.

What a person may read is not decided here but by membership (`storage.access`).
"""

from __future__ import annotations

import os
import pwd
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from storage.access import require_administrator
from storage.audit import AuditLog
from storage.database import Database
from storage.errors import Refused, WrongUse
from storage.ids import now, random_id, timestamp
from storage.passwords import (
    Counters,
    Failures,
    check_password,
    hash_password,
    make_code,
    make_password,
    needs_rehash,
    password_fits,
)
from storage.records import Actor, JsonValue, Role
from storage.sessions import Sessions, SignIn, came_from, hash_of
from storage.tables import ticket, user
from storage.users import (
    User,
    acceptable_name,
    enabled_administrators,
    failures_of,
    find_user,
    folded,
    require_user,
    user_count,
    user_of,
)

__all__ = ["SYSTEM", "Accounts", "AddedUser", "SignIn", "User"]

# Bounds the memory that hashing takes at once, and keeps two guesses at one name from overtaking its count.
_SIGN_IN_LANES = 8

SYSTEM = Actor(id="system", name="Muniment", role=Role.ADMINISTRATOR, via="system")


@dataclass(frozen=True, slots=True)
class AddedUser:
    """A new user, with the password when it was made here: shown once, kept nowhere."""

    user: User
    password: str | None


class Accounts:
    """Users, passwords, sessions and one-time tickets of one database."""

    def __init__(self, database: Database, audit: AuditLog, *, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._audit = audit
        self._clock = clock
        self._sessions = Sessions(audit, clock)
        self._counters = Counters()
        self._lanes = [threading.Lock() for _ in range(_SIGN_IN_LANES)]

    @staticmethod
    def local_operator() -> Actor:
        """Whoever runs the command line, by the operating system's account."""
        try:
            name = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            name = str(os.getuid())
        return Actor(id=f"operator:{name}", name=name, role=Role.ADMINISTRATOR, via="command line")

    # The first administrator.

    def welcome_ticket(self) -> str | None:
        """A new one-time code to become the first administrator, in place of any before; None once one is."""
        code = make_code(groups=5, characters=4)
        with self._database.write() as connection:
            if user_count(connection):
                return None
            connection.execute(delete(ticket).where(ticket.c.purpose == "welcome"))
            connection.execute(insert(ticket).values(token_hash=_stored_code(code), purpose="welcome"))
        return code

    def redeem_welcome(self, code: str, name: str, password: str, *, address: str | None = None) -> SignIn:
        """Create the first administrator and sign them in.

        Raises:
            Refused: the code is wrong, used or replaced, or there is a user already.
            WrongUse: the name or the password is not acceptable.
        """
        name = acceptable_name(name)
        check_password(password, name=name)
        stored = hash_password(password)
        with self._database.write() as connection:
            fits = connection.execute(
                delete(ticket).where(ticket.c.purpose == "welcome", ticket.c.token_hash == _stored_code(code))
            )
            if fits.rowcount == 1 and user_count(connection) == 0:
                made = self._insert_user(connection, name, Role.ADMINISTRATOR, stored)
                opened = self._open_session(connection, made, address)
                self._record_user(connection, "user.added", opened.actor, made, role=made.role.value)
                return opened
        self._refuse_sign_in(address, {"reason": "welcome code"})
        raise Refused("the welcome code does not fit or was used; start the server again for a new one")

    # Sessions.

    def sign_in(self, name: str, password: str, *, address: str | None = None) -> SignIn:
        """Open a session.

        Raises:
            Refused: name and password do not fit, or too many attempts failed: then it says how long to wait.
        """
        with self._lane(name):
            row = self._authenticate(name, password, address)
            with self._database.write() as connection:
                values: dict[str, Any] = {"failed_attempts": 0, "locked_until": None}
                if needs_rehash(row.password_hash):
                    values["password_hash"] = hash_password(password)
                # Asked again: the account may have been disabled while the password was checked.
                changed = connection.execute(
                    update(user)
                    .where(
                        user.c.id == row.id,
                        user.c.disabled_at.is_(None),
                        user.c.password_hash == row.password_hash,
                    )
                    .values(**values)
                )
                if changed.rowcount:
                    return self._open_session(connection, user_of(row), address)
        raise Refused("the account was changed at this moment; sign in again")

    def actor_for(self, token: str | None) -> Actor | None:
        """Who holds a session token now; None when it is unknown, closed, expired or its user disabled."""
        if not token:
            return None
        with self._database.read() as connection:
            found = self._sessions.live(connection, token)
        if found is None:
            return None
        if self._sessions.wants_touch(found):
            with self._database.write() as connection:
                self._sessions.touch(connection, found)
        return found.actor

    def sign_out(self, token: str) -> None:
        """Close the session of this token; nothing happens when there is none."""
        with self._database.write() as connection:
            if found := self._sessions.live(connection, token):
                actor = found.actor
                self._sessions.close(connection, actor.id, actor, reason="signed out", only=found.id)

    def revoke_sessions(self, user_id: str, *, by: Actor) -> int:
        """Close all sessions of a user at once; returns how many. People may close their own.

        Raises:
            Refused: the actor is neither an administrator nor that user.
            NotFound: there is no such user.
        """
        if by.id != user_id:
            require_administrator(self._audit, by, act="close other people's sessions")
        with self._database.write() as connection:
            require_user(connection, user_id)
            return self._sessions.close(connection, user_id, by, reason="revoked")

    def hand_over(self, token: str) -> str:
        """A ticket, good once and for a minute, with which another request takes over the session.

        Raises:
            Refused: the token opens no session.
        """
        with self._database.write() as connection:
            found = self._sessions.live(connection, token)
            if found is None:
                raise Refused("you are signed out; sign in again")
            return self._sessions.hand_over(connection, found)

    def redeem_hand_over(self, code: str) -> str:
        """The session's new token; the one that asked for the ticket ends here.

        Raises:
            Refused: the ticket is unknown, used or older than a minute, or its session is closed.
        """
        with self._database.write() as connection:
            token = self._sessions.redeem(connection, code)
        if token is None:
            raise Refused("this sign-in link was used or is too old; sign in again")
        return token

    # Users.

    def users(self) -> list[User]:
        """Everybody, by name, the disabled included."""
        with self._database.read() as connection:
            return [user_of(row) for row in connection.execute(select(user).order_by(user.c.name))]

    def add_user(self, name: str, role: Role, *, by: Actor, password: str | None = None) -> AddedUser:
        """Add a person; without a password one is made and returned, to be passed on and then changed.

        Raises:
            Refused: the actor is no administrator.
            WrongUse: the name is taken or not acceptable, or the password is not.
        """
        require_administrator(self._audit, by, act="add people")
        name = acceptable_name(name)
        if password is not None:
            check_password(password, name=name)
        made_here = make_password() if password is None else None
        stored = hash_password(made_here or password or "")
        with self._database.write() as connection:
            made = self._insert_user(connection, name, role, stored)
            self._record_user(connection, "user.added", by, made, role=role.value)
        return AddedUser(made, made_here)

    def disable(self, user_id: str, *, by: Actor) -> None:
        """Keep a person from signing in and close their sessions at once.

        Raises:
            Refused: the actor is no administrator, or this is the last administrator who can sign in.
            NotFound: there is no such user.
        """
        require_administrator(self._audit, by, act="disable people")
        with self._database.write() as connection:
            found = require_user(connection, user_id)
            if found.disabled:
                return
            if found.role is Role.ADMINISTRATOR and enabled_administrators(connection) == 1:
                raise Refused(f"{found.name!r} is the last administrator; make another one first")
            at = timestamp(self._clock())
            connection.execute(update(user).where(user.c.id == user_id).values(disabled_at=at))
            self._record_user(connection, "user.disabled", by, found)
            self._sessions.close(connection, user_id, by, reason="user disabled")

    def enable(self, user_id: str, *, by: Actor) -> None:
        """Let a disabled person sign in again, with no failed attempts counted.

        Raises:
            Refused: the actor is no administrator.
            NotFound: there is no such user.
        """
        require_administrator(self._audit, by, act="enable people")
        with self._database.write() as connection:
            found = require_user(connection, user_id)
            values = {"disabled_at": None, "failed_attempts": 0, "locked_until": None}
            connection.execute(update(user).where(user.c.id == user_id).values(**values))
            if found.disabled:
                self._record_user(connection, "user.enabled", by, found)

    def set_password(self, user_id: str, password: str, *, by: Actor) -> None:
        """Give a person another password and close their sessions.

        Raises:
            Refused: the actor is no administrator.
            NotFound: there is no such user.
            WrongUse: the password is not acceptable.
        """
        require_administrator(self._audit, by, act="set other people's passwords")
        with self._database.read() as connection:
            found = require_user(connection, user_id)
        self._replace_password(found, password, by)

    def change_password(self, actor: Actor, *, current: str, new: str) -> None:
        """Change one's own password and close one's other sessions.

        Raises:
            Refused: the current password does not fit, or too many attempts failed.
            WrongUse: the new password is not acceptable.
        """
        with self._lane(actor.name):
            row = self._authenticate(actor.name, current, actor.address)
        self._replace_password(user_of(row), new, actor)

    def _replace_password(self, of: User, password: str, by: Actor) -> None:
        check_password(password, name=of.name)
        values = {"password_hash": hash_password(password), "failed_attempts": 0, "locked_until": None}
        with self._database.write() as connection:
            connection.execute(update(user).where(user.c.id == of.id).values(**values))
            self._record_user(connection, "user.password_changed", by, of)
            keep = by.session_id if by.id == of.id else None
            self._sessions.close(connection, of.id, by, reason="password changed", keep=keep)

    # What the doors above share.

    def _lane(self, name: str) -> threading.Lock:
        return self._lanes[hash(folded(name)) % _SIGN_IN_LANES]

    def _authenticate(self, name: str, password: str, address: str | None) -> Row[Any]:
        """The account whose name and password these are, or a counted and recorded refusal.

        Failures are counted by account, so that changing the address does not help a guesser. Only an address
        that this user signed in from before has a count of its own: a guesser elsewhere cannot keep them out.
        """
        at = self._clock()
        with self._database.read() as connection:
            row = find_user(connection, name)
            known = row is not None and came_from(connection, row.id, address)
        key = f"{row.id if row else hash_of(folded(name))} {address if known else ''}"
        stored = row is not None and not known
        failures = failures_of(row) if row is not None and stored else self._counters.get(key)
        if seconds := failures.seconds_left(at):
            self._refuse_sign_in(address, {"reason": "too many attempts", "user_id": row.id if row else None})
            raise Refused(f"too many attempts failed; try again in {seconds} seconds")
        fits = password_fits(row.password_hash if row else None, password)
        if row is not None and fits and row.disabled_at is None:
            self._counters.put(key, Failures())
            return row
        failures = failures.one_more(at)
        reason = "no such user" if row is None else "user disabled" if fits else "wrong password"
        if not stored:
            self._counters.put(key, failures)
        with self._database.write() as connection:
            if row is not None and stored:
                until = timestamp(failures.until) if failures.until else None
                connection.execute(
                    update(user)
                    .where(user.c.id == row.id)
                    .values(failed_attempts=failures.count, locked_until=until)
                )
            data = {"reason": reason, "user_id": row.id if row else None}
            self._audit.append_in(connection, "session.refused", _nobody(address), data=data)
        raise Refused("this name and password do not fit; try again, or ask an administrator")

    def _refuse_sign_in(self, address: str | None, data: dict[str, JsonValue]) -> None:
        self._audit.append("session.refused", _nobody(address), data=data)

    def _open_session(self, connection: Connection, of: User, address: str | None) -> SignIn:
        return self._sessions.open(connection, user_id=of.id, name=of.name, role=of.role, address=address)

    def _insert_user(self, connection: Connection, name: str, role: Role, password_hash: str) -> User:
        if find_user(connection, name) is not None:
            raise WrongUse(f"the name {name!r} is taken; choose another")
        made = User(random_id("user"), name, role, self._clock(), disabled=False)
        connection.execute(
            insert(user).values(
                id=made.id,
                name=name,
                role=role.value,
                password_hash=password_hash,
                created_at=timestamp(made.created_at),
                failed_attempts=0,
            )
        )
        return made

    def _record_user(self, connection: Connection, kind: str, by: Actor, of: User, **more: str) -> None:
        self._audit.append_in(connection, kind, by, data={"user_id": of.id, "user": of.name, **more})


def _nobody(address: str | None) -> Actor:
    """Somebody who is not signed in. What they typed as a name is not kept: it may be a password."""
    return Actor(id="nobody", name="not signed in", role=Role.MEMBER, via="browser", address=address)


def _stored_code(code: str) -> str:
    return hash_of("".join(code.split()).upper())
