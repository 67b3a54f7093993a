"""The `muniment` command: who owns the data folder, and how a command ends.

A command that needs the store becomes its owner, or hands its words to the process that is. Errors are one
line on stderr: what, which, what to do. Exit codes: 0 done, 1 the answer is no or the check failed, 2 wrong
use, 3 refused by a rule, 4 a part is missing or broken.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO

import typer

from app.commands import app
from app.commands.session import OwnedElsewhere, Session, session_of
from app.owner import Command, hand_over
from app.settings import keep_libraries_at_home, load_settings
from storage.errors import Broken, MunimentError, Refused, WrongUse

_INTERRUPTED = 130
_log = logging.getLogger(__name__)


def main() -> None:
    """Run this process's command line and exit with its code."""
    sys.exit(run(sys.argv[1:], out=sys.stdout, err=sys.stderr))


def run(words: Sequence[str], *, out: IO[str], err: IO[str]) -> int:
    """Run a command line here or in the process that owns the data folder; returns the exit code."""
    keep_libraries_at_home()
    try:
        settings = load_settings()
    except MunimentError as error:
        return _fail(err, error)
    _log_to_stderr(settings.log_level)
    stdin = sys.stdin.read() if _reads_stdin(words) else ""
    session = Session(settings, out, err, Path.cwd(), stdin)
    try:
        return execute(session, words)
    except OwnedElsewhere:
        try:
            return hand_over(settings.home, Command(tuple(words), session.cwd, stdin), out=out, err=err)
        except MunimentError as error:
            return _fail(err, error)
        except KeyboardInterrupt:
            return _INTERRUPTED
    finally:
        session.close()


def _reads_stdin(words: Sequence[str]) -> bool:
    """Whether a command line takes a secret from standard input."""
    return "--password-stdin" in words or ("--passwords", "-") in pairwise(words)


def execute(session: Session, words: Sequence[str]) -> int:
    """Run a command line in a session; returns the exit code.

    Raises:
        OwnedElsewhere: another process owns the data folder; nothing was done or printed.
    """
    try:
        code = typer.main.get_command(app).main(
            args=list(words) or ["--help"], prog_name="muniment", standalone_mode=False, obj=session
        )
    except typer.Exit as ended:
        return ended.exit_code
    except typer.TyperException as error:
        session.err.write(f"muniment: {_misuse(error)}\n")
        return WrongUse.exit_code
    except (typer.Abort, KeyboardInterrupt):
        session.err.write("muniment: stopped; what was finished is kept\n")
        return _INTERRUPTED
    except MunimentError as error:
        return _fail(session.err, error)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        session.err.write(
            f"muniment: the file system refused the work ({error.strerror}: {error.filename})\n"
        )
        return 4
    return code if isinstance(code, int) else 0


@app.command()
def serve(context: typer.Context) -> None:
    """Serve the pages, and take the commands of other processes meanwhile."""
    # Imported late: no other command needs the web server.
    from app.first_start import announce, load_sample
    from app.server import reserve
    from app.server import serve as serve_pages

    session = session_of(context)
    settings = session.settings
    services = session.services
    listener = reserve(settings.address, settings.port)

    def handle(command: Command, out: IO[str], err: IO[str]) -> int:
        if command.words[:1] == ("serve",):
            pages = f"http://{settings.address}:{settings.port}"
            err.write(f"muniment: this data folder is already served; see {pages}, or stop that one first\n")
            return Refused.exit_code
        guest = Session.guest(session, out=out, err=err, cwd=command.cwd, stdin=command.stdin)
        try:
            return execute(guest, command.words)
        except BrokenPipeError:
            raise
        except Exception:  # noqa: BLE001 - a defect in one command must not end the server
            _log.exception("a command handed over by another process failed")
            err.write("muniment: an unexpected error stopped the command; the server's log has the details\n")
            return Broken.exit_code

    # Before anybody can ask: what is not approved, or was changed, must not be found by a reader.
    services.models.chosen(services.generator.identity, actor=session.actor)
    load_sample(services, session.tell)
    services.jobs.start()
    session.ownership.listen(handle)
    # Whoever follows the link at once waits in the socket's queue, and is not refused.
    listener.listen()
    announce(services, session.tell)
    serve_pages(services, listener, address=settings.address, port=settings.port)


def _misuse(error: typer.TyperException) -> str:
    """What of the command line cannot be understood, and whose help says how it is written."""
    said = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    known = f"`{context.command_path if context else 'muniment'} --help` says what there is"
    return f"{said} {known}" if said.endswith("?") else f"{said}; {known}"


def _log_to_stderr(level: str) -> None:
    # Libraries speak only when something is wrong: what they tell otherwise can hold words of documents.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for ours in ("app", "engine", "ingest", "storage"):
        logging.getLogger(ours).setLevel(level)


def _fail(err: IO[str], error: MunimentError) -> int:
    err.write(f"muniment: {error}\n")
    return error.exit_code


if __name__ == "__main__":
    main()
