"""Sessions in SQL: opened, found by their token, handed over and closed, each within a caller's transaction.

A token is known to the browser alone; SQL holds its SHA-256. A session ends twelve hours after it was
opened, or two hours after it was last used, or when it is closed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from storage.audit import AuditLog
from storage.ids import moment, random_id, sha256_of, timestamp
from storage.records import Actor, Role
from storage.tables import session, ticket, user

LIFETIME = timedelta(hours=12)
IDLE_LIFETIME = timedelta(hours=2)
HAND_OVER_LIFETIME = timedelta(seconds=60)
_TOUCH_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SignIn:
    """An open session. `token` is its only key."""

    token: str
    actor: Actor

    def __repr__(self) -> str:
        """Without the token, which must not reach a log."""
        return f"SignIn(actor={self.actor!r})"


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that is open now."""

    id: str
    actor: Actor
    seen_at: datetime


class Sessions:
    """The session table, and the tickets that hand a session from one request to another."""

    def __init__(self, audit: AuditLog, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._clock = clock

    def open(
        self, connection: Connection, *, user_id: str, name: str, role: Role, address: str | None
    ) -> SignIn:
        """A new session, recorded."""
        token, at = secrets.token_urlsafe(32), self._clock()
        actor = Actor(user_id, name, role, "browser", random_id("session"), address)
        connection.execute(
            insert(session).values(
                id=actor.session_id,
                token_hash=hash_of(token),
                user_id=user_id,
                address=address,
                created_at=timestamp(at),
                seen_at=timestamp(at),
                expires_at=timestamp(at + LIFETIME),
            )
        )
        self._audit.append_in(connection, "session.open", actor, data={})
        return SignIn(token, actor)

    def live(self, connection: Connection, token: str) -> LiveSession | None:
        """The session a token opens now; None when it is unknown, closed, too old or its user disabled."""
        at = self._clock()
        row = connection.execute(
            _with_user().where(
                session.c.token_hash == hash_of(token),
                session.c.revoked_at.is_(None),
                session.c.expires_at > timestamp(at),
                session.c.seen_at > timestamp(at - IDLE_LIFETIME),
                user.c.disabled_at.is_(None),
            )
        ).first()
        return LiveSession(row.id, _actor(row), moment(row.seen_at)) if row else None

    def wants_touch(self, found: LiveSession) -> bool:
        """Whether its last use was so long ago that it should be written down again."""
        return self._clock() - found.seen_at >= _TOUCH_EVERY

    def touch(self, connection: Connection, found: LiveSession) -> None:
        """Write down that the session is in use."""
        connection.execute(
            update(session).where(session.c.id == found.id).values(seen_at=timestamp(self._clock()))
        )

    def close(
        self,
        connection: Connection,
        user_id: str,
        by: Actor,
        *,
        reason: str,
        only: str | None = None,
        keep: str | None = None,
    ) -> int:
        """Close a user's sessions: all, or `only` one, or all but the one to `keep`; returns how many."""
        at = timestamp(self._clock())
        query = select(session.c.id).where(
            session.c.user_id == user_id, session.c.revoked_at.is_(None), session.c.expires_at > at
        )
        if only is not None:
            query = query.where(session.c.id == only)
        if keep is not None:
            query = query.where(session.c.id != keep)
        closing = connection.execute(query).scalars().all()
        for session_id in closing:
            connection.execute(update(session).where(session.c.id == session_id).values(revoked_at=at))
            data = {"session": session_id, "user_id": user_id, "reason": reason}
            self._audit.append_in(connection, "session.closed", by, data=data)
        return len(closing)

    def hand_over(self, connection: Connection, found: LiveSession) -> str:
        """A ticket, good once and for a minute. Tickets that nobody came for are thrown away."""
        code, at = secrets.token_urlsafe(32), self._clock()
        connection.execute(
            delete(ticket).where(ticket.c.purpose == "hand_over", ticket.c.expires_at <= timestamp(at))
        )
        connection.execute(
            insert(ticket).values(
                token_hash=hash_of(code),
                purpose="hand_over",
                subject=found.id,
                expires_at=timestamp(at + HAND_OVER_LIFETIME),
            )
        )
        return code

    def redeem(self, connection: Connection, code: str) -> str | None:
        """The new token of a ticket's session, whose old token ends here; None when the ticket is no good.

        Minted now, so that no ticket and no row ever held a key to the session.
        """
        row = connection.execute(
            delete(ticket)
            .where(
                ticket.c.purpose == "hand_over",
                ticket.c.token_hash == hash_of(code),
                ticket.c.expires_at > timestamp(self._clock()),
            )
            .returning(ticket.c.subject)
        ).first()
        if row is None:
            return None
        token = secrets.token_urlsafe(32)
        moved = connection.execute(
            update(session)
            .where(session.c.id == row.subject, session.c.revoked_at.is_(None))
            .values(token_hash=hash_of(token))
        )
        return token if moved.rowcount else None


def hash_of(secret: str) -> str:
    """What is stored in place of a random token or code."""
    return sha256_of(secret.encode(errors="surrogatepass"))


def came_from(connection: Connection, user_id: str, address: str | None) -> bool:
    """Whether the user has signed in from this address before."""
    query = select(session.c.id).where(session.c.user_id == user_id, session.c.address == address).limit(1)
    return address is not None and connection.execute(query).first() is not None


def _with_user() -> Any:
    return select(
        session.c.id, session.c.user_id, session.c.address, session.c.seen_at, user.c.name, user.c.role
    ).join(user, user.c.id == session.c.user_id)


def _actor(row: Row[Any]) -> Actor:
    return Actor(row.user_id, row.name, Role(row.role), "browser", row.id, row.address)
