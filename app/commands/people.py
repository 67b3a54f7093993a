"""`muniment user`: accounts, their roles and passwords, and who is in which matter."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from app.commands.options import AsJson
from app.commands.session import Session, session_of
from storage.accounts import User
from storage.errors import WrongUse
from storage.passwords import make_password
from storage.records import Role

app = typer.Typer(help="People who may sign in.")

UserName = Annotated[str, typer.Argument(help="The name to sign in with.")]
FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input (one line).")
]


@app.command()
def add(
    context: typer.Context,
    name: UserName,
    role: Annotated[Role, typer.Option("--role", help="administrator or member.")] = Role.MEMBER,
    matter: Annotated[list[str] | None, typer.Option("--matter", help="A matter to be a member of.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add a person and print a password made for them: hand it over safely."""
    session = session_of(context)
    services = session.services
    scopes = [session.scope(one) for one in matter or []]
    made = services.accounts.add_user(name, role, by=session.actor)
    for scope in scopes:
        services.access.add_member(scope, made.user.id)
    value = {**_user_json(made.user), "password": made.password}
    session.show(value, [_handing_over(name, made.password)], as_json=as_json)


@app.command("list")
def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the people."""
    session = session_of(context)
    users = session.services.accounts.users()
    lines = [f"{one.name}  {one.role.value}{'  disabled' if one.disabled else ''}" for one in users]
    empty = ["Nobody yet; `muniment serve` prints a link for the first administrator."]
    session.show({"users": [_user_json(one) for one in users]}, lines or empty, as_json=as_json)


@app.command()
def disable(context: typer.Context, name: UserName, as_json: AsJson = False) -> None:
    """Stop a person from signing in, and end their sessions at once."""
    session = session_of(context)
    session.services.accounts.disable(user_named(session, name).id, by=session.actor)
    session.show({"disabled": name}, [f"{name} can no longer sign in."], as_json=as_json)


@app.command()
def enable(context: typer.Context, name: UserName, as_json: AsJson = False) -> None:
    """Let a disabled person sign in again."""
    session = session_of(context)
    session.services.accounts.enable(user_named(session, name).id, by=session.actor)
    session.show({"enabled": name}, [f"{name} can sign in again."], as_json=as_json)


@app.command()
def passwd(
    context: typer.Context, name: UserName, from_stdin: FromStdin = False, as_json: AsJson = False
) -> None:
    """Give a person a new password, made and printed unless piped in, and end their sessions."""
    session = session_of(context)
    user = user_named(session, name)
    given = session.stdin.splitlines()[0] if from_stdin and session.stdin else None
    if from_stdin and not given:
        raise WrongUse("no password came on standard input; send it as one line")
    password = given or make_password()
    session.services.accounts.set_password(user.id, password, by=session.actor)
    value = {"changed": name, **({} if given else {"password": password})}
    line = f"{name}'s password is changed." if given else _handing_over(name, password)
    session.show(value, [line], as_json=as_json)


def _handing_over(name: str, password: str | None) -> str:
    return f"{name} can sign in with the password {password}; they can change it under Your password"


def user_named(session: Session, name: str) -> User:
    """A person by name.

    Raises:
        WrongUse: nobody has this name.
    """
    for one in session.services.accounts.users():
        if one.name == name:
            return one
    raise WrongUse(f"nobody is named {name!r}; `muniment user list` shows who is")


def _user_json(user: User) -> dict[str, Any]:
    return {"id": user.id, "name": user.name, "role": user.role.value, "disabled": user.disabled}
