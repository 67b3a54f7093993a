"""The table of users: found by name or id, counted, and told as records.

Names are compared without regard to case, spacing and typographic variants.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from storage.errors import NotFound, WrongUse
from storage.ids import moment
from storage.passwords import Failures
from storage.records import Role
from storage.tables import user

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in."""

    id: str
    name: str
    role: Role
    created_at: datetime
    disabled: bool


def folded(name: str) -> str:
    """The form in which two names that look alike are one."""
    return " ".join(unicodedata.normalize("NFKC", name).split()).casefold()


def acceptable_name(name: str) -> str:
    """A new user's name with its spaces in order.

    Raises:
        WrongUse: it is empty, too long or cannot be printed.
    """
    name = " ".join(unicodedata.normalize("NFKC", name).split())
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise WrongUse(f"a user's name has 1 to {_LONGEST_NAME} printable characters; choose another")
    return name


def find_user(connection: Connection, name: str) -> Row[Any] | None:
    """The account of a name, in upper or lower case."""
    wanted = folded(name)
    # SQL's own folding knows ASCII only; a firm's accounts are few.
    for row in connection.execute(select(user)):
        if folded(row.name) == wanted:
            return row
    return None


def failures_of(row: Row[Any]) -> Failures:
    """The failed sign-ins counted with the account."""
    return Failures(row.failed_attempts, moment(row.locked_until) if row.locked_until else None)


def require_user(connection: Connection, user_id: str) -> User:
    """The user of that id.

    Raises:
        NotFound: there is none.
    """
    row = connection.execute(select(user).where(user.c.id == user_id)).first()
    if row is None:
        raise NotFound(f"there is no user {user_id!r}; `muniment user list` shows who there is")
    return user_of(row)


def user_count(connection: Connection) -> int:
    """How many there are, the disabled included."""
    return connection.execute(select(func.count()).select_from(user)).scalar_one()


def enabled_administrators(connection: Connection) -> int:
    """How many administrators can sign in."""
    query = select(func.count()).where(user.c.role == Role.ADMINISTRATOR.value, user.c.disabled_at.is_(None))
    return connection.execute(query.select_from(user)).scalar_one()


def user_of(row: Row[Any]) -> User:
    """The record of a row."""
    return User(row.id, row.name, Role(row.role), moment(row.created_at), row.disabled_at is not None)
