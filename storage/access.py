"""Who may open which matter.

Membership alone decides: an administrator who is not a member sees nothing of a matter, not even that it
exists. The command line and the system pass, because whoever holds the data folder holds its content. Every
refusal is recorded. A matter that is walled off and one that never was give the same words.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, or_, select, update

from storage.audit import AuditLog
from storage.database import Database
from storage.errors import NotFound, Refused
from storage.ids import moment, now, timestamp
from storage.records import Actor, JsonValue, Matter, Role, Scope, Sending
from storage.tables import document, matter, member, user

_LONGEST_RECORDED_NAME = 200


@dataclass(frozen=True, slots=True)
class Member:
    """A person in a matter."""

    user_id: str
    name: str
    role: Role
    added_at: datetime
    added_by: str
    """An actor's id."""


class Access:
    """Decides, from SQL at every call, so that a withdrawn membership bites at once."""

    def __init__(self, database: Database, audit: AuditLog) -> None:
        self._database = database
        self._audit = audit

    def scope(self, actor: Actor, matter_name: str, *, documents: Collection[str] | None = None) -> Scope:
        """Permission to open a matter, or only some documents of it, given by id or path.

        Raises:
            NotFound: there is no such matter, or the actor is no member of it; or no such document.
        """
        with self._database.read() as connection:
            found = connection.execute(select(matter).where(matter.c.name == matter_name)).first()
            open_to_actor = found is not None and _may_open(connection, actor, found.id)
            chosen = None
            if found is not None and open_to_actor and documents is not None:
                chosen = _document_ids(connection, found, documents)
        if found is None or not open_to_actor:
            self._refuse(actor, matter_name, found.id if found else None)
            raise NotFound(
                f"no matter named {matter_name!r} that you can open; check the name, or ask to be added"
            )
        return Scope(_matter(found), actor, chosen)

    def matters_of(self, actor: Actor) -> list[Matter]:
        """The matters that the actor can open, by name."""
        with self._database.read() as connection:
            query = select(matter).order_by(matter.c.name)
            if not actor.is_operator:
                query = query.where(matter.c.id.in_(_memberships(actor)))
            return [_matter(row) for row in connection.execute(query)]

    def members(self, scope: Scope) -> list[Member]:
        """Who is in the matter, by name."""
        query = (
            select(user.c.id, user.c.name, user.c.role, member.c.added_at, member.c.added_by)
            .join(member, member.c.user_id == user.c.id)
            .where(member.c.matter_id == scope.matter.id)
            .order_by(user.c.name)
        )
        with self._database.read() as connection:
            return [
                Member(row.id, row.name, Role(row.role), moment(row.added_at), row.added_by)
                for row in connection.execute(query)
            ]

    def add_member(self, scope: Scope, user_id: str) -> None:
        """Let a person into the matter; nothing changes if they are in it already.

        Raises:
            NotFound: there is no such user, or the actor is no longer in the matter.
            Refused: the actor may not say who is in the matter.
        """
        self._require_keeper(scope)
        with self._database.write() as connection:
            name = _user_name(connection, user_id)
            if not _is_member(connection, scope.matter.id, user_id):
                _admit(connection, scope.matter.id, user_id, by=scope.actor)
                self._record_member(connection, "member.added", scope.matter, scope.actor, user_id, name)

    def remove_member(self, scope: Scope, user_id: str) -> None:
        """Shut a person out of the matter, from their next action on.

        Raises:
            NotFound: the person is not in the matter, or the actor is no longer in it.
            Refused: the actor may not say who is in the matter.
        """
        self._require_keeper(scope)
        with self._database.write() as connection:
            name = _user_name(connection, user_id)
            gone = connection.execute(
                delete(member).where(member.c.matter_id == scope.matter.id, member.c.user_id == user_id)
            )
            if not gone.rowcount:
                raise NotFound(f"{name!r} is not in matter {scope.matter.name!r}; see who is")
            self._record_member(connection, "member.removed", scope.matter, scope.actor, user_id, name)

    def sending(self, scope: Scope) -> Sending:
        """What of the matter may leave this machine, as it stands now.

        Raises:
            NotFound: the actor is no longer in the matter.
        """
        self.scope(scope.actor, scope.matter.name)
        with self._database.read() as connection:
            return _sending(connection, scope)

    def set_sending(self, scope: Scope, sending: Sending) -> None:
        """Say what of the matter may leave this machine, from the next question on.

        Raises:
            NotFound: the actor is no longer in the matter.
            Refused: the actor is no administrator.
        """
        self.scope(scope.actor, scope.matter.name)
        require_administrator(
            self._audit, scope.actor, act="say what may leave a matter", matter_id=scope.matter.id
        )
        with self._database.write() as connection:
            before = _sending(connection, scope)
            if before is sending:
                return
            connection.execute(
                update(matter).where(matter.c.id == scope.matter.id).values(sending=sending.value)
            )
            data: dict[str, JsonValue] = {"before": before.value, "after": sending.value}
            self._audit.append_in(
                connection, "matter.sending", scope.actor, matter_id=scope.matter.id, data=data
            )

    def require_administrator(self, actor: Actor, *, act: str) -> None:
        """Let administrators and operators do `act`, such as `list the people`.

        Raises:
            Refused: the actor is neither.
        """
        require_administrator(self._audit, actor, act=act)

    def _require_keeper(self, scope: Scope) -> None:
        """Administrators in the matter, its creator and operators say who else is in it."""
        actor = scope.actor
        self.scope(actor, scope.matter.name)
        if scope.matter.created_by != actor.id:
            require_administrator(
                self._audit, actor, act="change who is in a matter", matter_id=scope.matter.id
            )

    def _record_member(
        self, connection: Connection, kind: str, room: Matter, actor: Actor, user_id: str, name: str
    ) -> None:
        data: dict[str, JsonValue] = {"user_id": user_id, "user": name}
        self._audit.append_in(connection, kind, actor, matter_id=room.id, data=data)

    def _refuse(self, actor: Actor, matter_name: str, matter_id: str | None) -> None:
        # An operator's slip of the pen is no refusal. Others are recorded alike whether or not the matter
        # exists, so that the time it takes tells nothing either.
        if not actor.is_operator:
            asked = matter_name[:_LONGEST_RECORDED_NAME]
            self._audit.append("access.refused", actor, matter_id=matter_id, data={"matter": asked})


def admit_creator(connection: Connection, audit: AuditLog, room: Matter, actor: Actor) -> None:
    """Make the creator of a matter its first member, in the transaction that creates it.

    An operator at the command line is no user and needs no membership.
    """
    if actor.is_operator:
        return
    _admit(connection, room.id, actor.id, by=actor)
    data: dict[str, JsonValue] = {"user_id": actor.id, "user": actor.name}
    audit.append_in(connection, "member.added", actor, matter_id=room.id, data=data)


def require_administrator(audit: AuditLog, actor: Actor, *, act: str, matter_id: str | None = None) -> None:
    """Let administrators and operators do `act`; record and refuse everybody else.

    Raises:
        Refused: the actor is neither.
    """
    if actor.is_operator or actor.role is Role.ADMINISTRATOR:
        return
    audit.append("access.refused", actor, matter_id=matter_id, data={"act": act})
    raise Refused(f"only an administrator can {act}; ask one")


def _memberships(actor: Actor) -> Select[Any]:
    """Ids of the matters that the actor is in; none once the account is disabled."""
    return (
        select(member.c.matter_id)
        .join(user, user.c.id == member.c.user_id)
        .where(user.c.id == actor.id, user.c.disabled_at.is_(None))
    )


def _may_open(connection: Connection, actor: Actor, matter_id: str) -> bool:
    if actor.is_operator:
        return True
    return connection.execute(_memberships(actor).where(member.c.matter_id == matter_id)).first() is not None


def _is_member(connection: Connection, matter_id: str, user_id: str) -> bool:
    query = select(member.c.user_id).where(member.c.matter_id == matter_id, member.c.user_id == user_id)
    return connection.execute(query).first() is not None


def _admit(connection: Connection, matter_id: str, user_id: str, *, by: Actor) -> None:
    connection.execute(
        insert(member).values(matter_id=matter_id, user_id=user_id, added_at=timestamp(now()), added_by=by.id)
    )


def _sending(connection: Connection, scope: Scope) -> Sending:
    query = select(matter.c.sending).where(matter.c.id == scope.matter.id)
    return Sending(connection.execute(query).scalar_one())


def _user_name(connection: Connection, user_id: str) -> str:
    row = connection.execute(select(user.c.name).where(user.c.id == user_id)).first()
    if row is None:
        raise NotFound(f"there is no user {user_id!r}; `muniment user list` shows who there is")
    return str(row.name)


def _document_ids(connection: Connection, of: Row[Any], asked: Collection[str]) -> frozenset[str]:
    found: set[str] = set()
    for key in asked:
        query = select(document.c.id).where(
            document.c.matter_id == of.id, or_(document.c.id == key, document.c.path == key)
        )
        ids = connection.execute(query).scalars().all()
        if not ids:
            raise NotFound(
                f"no document {key!r} in matter {of.name!r}; its list of documents shows the names"
            )
        found.update(ids)
    return frozenset(found)


def _matter(row: Row[Any]) -> Matter:
    return Matter(row.id, row.name, moment(row.created_at), row.created_by)
