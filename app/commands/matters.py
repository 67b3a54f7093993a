"""`muniment matter`: create, list, show and delete matters, and say who is in them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from app import sending_words
from app.commands.options import AsJson
from app.commands.people import user_named
from app.commands.session import Session, session_of
from storage.errors import Refused, WrongUse
from storage.ids import timestamp
from storage.records import Document, Matter, Scope, Sending

app = typer.Typer(help="Matters: rooms that nothing crosses.")

Name = Annotated[str, typer.Argument(help="The matter's name.")]
Person = Annotated[str, typer.Argument(help="The name that the person signs in with.")]


@app.command()
def create(
    context: typer.Context,
    name: Name,
    member: Annotated[
        list[str] | None, typer.Option("--member", help="Who is in it from the start; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an empty matter. On the pages, only its members see it."""
    session = session_of(context)
    users = [user_named(session, one) for one in dict.fromkeys(member or [])]
    made = session.services.library.create_matter(name, session.actor)
    for user in users:
        session.services.access.add_member(session.scope(made.name), user.id)
    line = f"Matter {made.name!r} created, with {', '.join(one.name for one in users) or 'no members'}."
    value = {**_matter_json(made), "members": [one.name for one in users]}
    session.show(value, [line], as_json=as_json)


@app.command("add-member")
def add_member(context: typer.Context, name: Name, person: Person, as_json: AsJson = False) -> None:
    """Let a person into a matter: they see it on the pages from then on."""
    session = session_of(context)
    scope = session.scope(name)
    session.services.access.add_member(scope, user_named(session, person).id)
    _show_members(session, scope, f"{person} is in matter {name!r}.", as_json=as_json)


@app.command("remove-member")
def remove_member(context: typer.Context, name: Name, person: Person, as_json: AsJson = False) -> None:
    """Shut a person out of a matter, from their next action on."""
    session = session_of(context)
    scope = session.scope(name)
    session.services.access.remove_member(scope, user_named(session, person).id)
    _show_members(session, scope, f"{person} is no longer in matter {name!r}.", as_json=as_json)


def _show_members(session: Session, scope: Scope, line: str, *, as_json: bool) -> None:
    members = [one.name for one in session.services.access.members(scope)]
    session.show({"matter": scope.matter.name, "members": members}, [line], as_json=as_json)


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the matters of this data folder."""
    session = session_of(context)
    mine = session.services.access.matters_of(session.actor)
    lines = [one.name for one in mine] or ["No matter yet; `muniment matter create NAME` makes one."]
    session.show({"matters": [_matter_json(one) for one in mine]}, lines, as_json=as_json)


@app.command()
def show(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Show a matter's documents, those that are unfinished or could not be read included."""
    session = session_of(context)
    scope = session.scope(name)
    documents = session.services.library.documents(scope)
    unfinished = session.services.library.unfinished(scope)
    value = {
        **_matter_json(scope.matter),
        "documents": [_document_json(one) for one in documents],
        "unfinished": [_document_json(one) for one in unfinished],
        "members": [one.name for one in session.services.access.members(scope)],
    }
    lines = [f"{scope.matter.name}: {len(documents)} documents, {len(unfinished)} unfinished"]
    lines += [_document_line(one) for one in documents]
    if unfinished:
        lines.append(f"`muniment ingest --matter {name!r}` goes on with the unfinished ones.")
    session.show(value, lines, as_json=as_json)


@app.command()
def sending(
    context: typer.Context,
    name: Name,
    policy: Annotated[
        str | None,
        typer.Argument(help="local_only, redact_then_remote or remote_allowed; without, it is shown."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show or say what of a matter may leave this machine, for the remote model that is set."""
    session = session_of(context)
    scope = session.scope(name)
    if policy is not None:
        if policy not in {one.value for one in Sending}:
            raise WrongUse(f"{policy!r} is not one of {', '.join(one.value for one in Sending)}")
        session.services.access.set_sending(scope, Sending(policy))
    now = session.services.access.sending(scope)
    value = {"matter": name, "sending": now.value}
    session.show(value, [f"{name}: {sending_words.POLICIES[now]}"], as_json=as_json)


@app.command()
def delete(
    context: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Really erase it: documents, indexes, answers.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase a matter and everything in it. The audit log keeps the record that it was there."""
    session = session_of(context)
    scope = session.scope(name)
    if not yes:
        raise Refused(f"erasing matter {name!r} cannot be undone; add --yes to do it")
    session.services.rooms.delete_matter(scope)
    session.show({"deleted": _matter_json(scope.matter)}, [f"Matter {name!r} erased."], as_json=as_json)


def _matter_json(matter: Matter) -> dict[str, Any]:
    return {"id": matter.id, "name": matter.name, "created_at": timestamp(matter.created_at)}


def _document_json(one: Document) -> dict[str, Any]:
    return {
        "document": one.path,
        "document_id": one.id,
        "state": one.state.value,
        "media_type": one.media_type,
        "pages": one.page_count,
        "pages_read": one.pages_read,
        "problem": one.problem,
    }


def _document_line(one: Document) -> str:
    line = f"  {one.path}  {one.state.value}  {one.pages_read} of {one.page_count} pages read"
    return f"{line}  ({one.problem})" if one.problem else line
