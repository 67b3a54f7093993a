"""What of the audit log a person sees: the entries of their own matters, and of those about no matter a part.

Membership decides here as everywhere: an administrator sees nothing of a matter that they are not in. Of what
concerns no matter (people, sign-ins, the log itself) administrators see all, and others their own acts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from app import acts
from storage.errors import WrongUse
from storage.ids import moment, timestamp
from storage.records import Actor, AuditEntry, Role

if TYPE_CHECKING:
    from app.wiring import Services

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Sought:
    """What somebody looks for in the log; what is None does not narrow it."""

    actor_id: str | None = None
    group: str | None = None
    """A key of `acts.GROUPS`."""
    matter_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: str | None = None

    def to_query(self) -> dict[str, str]:
        """As parameters of an address, for `from_query`."""
        moments = {"since": self.since, "until": self.until}
        texts = {
            "who": self.actor_id,
            "what": self.group,
            "matter": self.matter_id,
            **{name: timestamp(one) for name, one in moments.items() if one is not None},
            "words": self.words,
        }
        return {name: text for name, text in texts.items() if text}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Sought:
        """The inverse of `to_query`.

        Raises:
            WrongUse: the address was not made by `to_query`.
        """
        group = query.get("what")
        if group is not None and group not in acts.GROUPS:
            raise WrongUse("this address asks for acts of no known kind; export from the Audit page")
        return cls(
            actor_id=query.get("who"),
            group=group,
            matter_id=query.get("matter"),
            since=_moment(query.get("since")),
            until=_moment(query.get("until")),
            words=query.get("words"),
        )


def newest(
    services: Services, actor: Actor, sought: Sought, *, limit: int, before: int | None = None
) -> list[AuditEntry]:
    """The newest entries that fit and that the person may see, newest first, below the index `before`."""
    mine = [one.id for one in services.access.matters_of(actor)]

    def found(by: str | None, *matter_ids: str | None) -> list[AuditEntry]:
        return services.audit.entries(
            kinds=acts.GROUPS[sought.group] if sought.group else None,
            actor=by,
            matter_ids=matter_ids,
            since=sought.since,
            until=sought.until,
            text=sought.words,
            limit=limit,
            before=before,
        )

    if sought.matter_id is not None:
        return found(sought.actor_id, sought.matter_id) if sought.matter_id in mine else []
    if actor.role is Role.ADMINISTRATOR:
        return found(sought.actor_id, None, *mine)
    both = found(sought.actor_id, *mine)
    if sought.actor_id in (None, actor.id):
        both += found(actor.id, None)
    return sorted(both, key=lambda one: one.index, reverse=True)[:limit]


def everything(services: Services, actor: Actor, sought: Sought) -> Iterator[AuditEntry]:
    """All entries that fit and that the person may see, newest first, read a part at a time."""
    before: int | None = None
    while part := newest(services, actor, sought, limit=_AT_ONCE, before=before):
        yield from part
        before = part[-1].index


def _moment(given: str | None) -> datetime | None:
    try:
        return None if given is None else moment(given)
    except ValueError as error:
        raise WrongUse("this address holds no readable date; export from the Audit page") from error
