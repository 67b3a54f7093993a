"""The run of a summary: on record from its start, gone on with after a kill, stopped, refused."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from langsmith.utils import tracing_is_enabled

from engine.models.base import Conversation
from engine.summaries import checkpoints
from engine.summarising import Summariser, SummaryCancelled, SummaryPaused
from storage.errors import Broken, MunimentError, NotFound, WrongUse
from tests.engine.summary_world import ID, LEASE, World, first_sentences, small, summarise


def test_the_record_of_a_summary_holds_hashes_and_counts_and_no_text(world: World) -> None:
    world.add("lease.txt", LEASE)
    summary = summarise(world, small(first_sentences), title="Rent of the Harbour House")
    assert world.kinds() == ["summary.started", "summary.finished"]
    finished = next(entry for entry in world.audit.entries() if entry.kind == "summary.finished")
    assert (finished.index, finished.head) == (summary.audit.index, summary.audit.head)
    assert b"pages_covered" in finished.canonical
    for secret in (b"Harbour", b"Tenant", b"lease.txt"):
        assert secret not in finished.canonical


def test_the_start_is_on_record_before_the_model_runs(world: World) -> None:
    world.add("lease.txt", LEASE)
    seen: list[list[str]] = []

    def reply(conversation: Conversation) -> str:
        seen.append(world.kinds())
        return ""

    summarise(world, small(reply))
    assert seen[0] == ["summary.started"]


def test_a_summary_whose_record_cannot_be_written_is_not_given_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add("lease.txt", LEASE)
    append = world.audit.append

    def refusing(kind: str, *args: object, **options: object) -> object:
        if kind == "summary.finished":
            raise Broken("the log is full")
        return append(kind, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(world.audit, "append", refusing)
    with pytest.raises(Broken, match="the log is full"):
        summarise(world, small(first_sentences))
    assert world.kinds() == ["summary.started", "summary.failed"]
    monkeypatch.undo()
    again = small(first_sentences)
    assert summarise(world, again).pages_covered == 3
    assert again.generations == 0


# Going on


def test_a_summary_that_failed_goes_on_where_it_stopped(world: World) -> None:
    world.add("lease.txt", LEASE)
    whole = summarise(world, small(first_sentences))
    sections = whole.work.sections
    assert sections >= 3
    calls: list[int] = []

    def reply(conversation: Conversation) -> str:
        calls.append(1)
        if len(calls) == 3:
            raise Broken("the model went away")
        return first_sentences(conversation)

    with pytest.raises(Broken, match="went away"):
        summarise(world, small(reply))
    assert world.checkpoints() == [f"{ID}.db"]
    again = small(reply)
    resumed = summarise(world, again)
    assert again.generations == sections - 2
    assert resumed.statements == whole.statements
    assert resumed.usage == whole.usage
    assert world.checkpoints() == []


def test_a_killed_process_loses_only_the_section_that_it_was_in(world: World) -> None:
    world.add("lease.txt", LEASE)
    expected = summarise(world, small(first_sentences))
    script = textwrap.dedent(
        """
        import sys, threading
        from pathlib import Path
        from engine.models.scripted import ScriptedGenerator
        from engine.summarising import Summariser
        from tests.engine.summary_world import first_sentences, open_world

        calls = []
        def reply(conversation):
            calls.append(1)
            if len(calls) == 3:
                print("in the third section", flush=True)
                threading.Event().wait()
            return first_sentences(conversation)

        world = open_world(Path(sys.argv[1]))
        model = ScriptedGenerator(
            reply, preferred_prompt_tokens=260, preferred_output_tokens=120
        )
        Summariser(world.library, model, world.audit).run(world.scope, summary_id=sys.argv[2])
        """
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", script, str(world.home), ID],
        stdout=subprocess.PIPE,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"in the third section\n"
        child.send_signal(signal.SIGKILL)
    # The key of finished work names the model: the same weights must go on, so the reply has the same name.

    def reply(conversation: Conversation) -> str:
        return first_sentences(conversation)

    reply.__qualname__ = "reply"
    again = small(reply)
    resumed = summarise(world, again)
    assert again.generations == expected.work.sections - 2
    assert resumed.statements == expected.statements


def test_finished_sections_of_another_model_or_changed_document_are_not_gone_on_from(world: World) -> None:
    world.add("lease.txt", LEASE)
    calls: list[int] = []

    def reply(conversation: Conversation) -> str:
        calls.append(1)
        if len(calls) == 3:
            raise Broken("the model went away")
        return first_sentences(conversation)

    with pytest.raises(Broken):
        summarise(world, small(reply))
    other = small(first_sentences)
    summary = summarise(world, other)
    assert other.generations == summary.work.sections


def test_a_cancelled_summary_stops_the_model_and_keeps_nothing(world: World) -> None:
    world.add("lease.txt", LEASE)
    generator = small(first_sentences)
    with pytest.raises(SummaryCancelled):
        summarise(world, generator, cancelled=lambda: generator.generations >= 2)
    assert generator.generations == 2
    assert world.kinds() == ["summary.started", "summary.cancelled"]
    assert world.checkpoints() == []


def test_a_paused_summary_keeps_what_it_has(world: World) -> None:
    world.add("lease.txt", LEASE)
    first = small(first_sentences)
    with pytest.raises(SummaryPaused):
        summarise(world, first, stopping=lambda: first.generations >= 2)
    again = small(first_sentences)
    summary = summarise(world, again)
    assert again.generations == summary.work.sections - 1
    assert world.kinds() == ["summary.started", "summary.started", "summary.finished"]


def test_what_is_kept_to_resume_can_be_forgotten(world: World) -> None:
    world.add("lease.txt", LEASE)
    generator = small(first_sentences)
    with pytest.raises(SummaryPaused):
        summarise(world, generator, stopping=lambda: generator.generations >= 2)
    Summariser(world.library, generator, world.audit).forget(world.scope, ID)
    assert world.checkpoints() == []


def test_progress_counts_every_section_and_ends_complete(world: World) -> None:
    world.add("lease.txt", LEASE)
    told: list[tuple[int, int, str]] = []
    summary = summarise(world, small(first_sentences), on_progress=lambda *told_now: told.append(told_now))
    assert [done for done, _total, _label in told] == list(range(summary.work.sections + 1))
    assert {total for _done, total, _label in told} == {summary.work.sections}
    assert told[0][2].startswith("lease.txt: ")


# Checkpoints


def test_checkpoints_are_private_and_hold_plain_json_types(tmp_path: Path) -> None:
    file = tmp_path / "summaries" / "one.db"
    with checkpoints.opened(file) as kept:
        kept.run("key", steps=2, step=lambda at: {"at": at, "list": ["a", None, {"b": 1.5}]})
        assert kept.finished("key") == [{"at": at, "list": ["a", None, {"b": 1.5}]} for at in (0, 1)]
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    with sqlite3.connect(file) as connection:
        kinds = {
            row[0] for row in connection.execute("select type from checkpoints union select type from writes")
        }
    assert kinds <= {"msgpack", "null"}


def test_a_damaged_file_of_checkpoints_is_one_clear_error(world: World) -> None:
    world.add("lease.txt", LEASE)
    folder = world.library.room_folder(world.scope.matter) / "summaries"
    folder.mkdir()
    (folder / f"{ID}.db").write_bytes(b"this is no database, and never was one" * 200)
    with pytest.raises(Broken, match="start a new summary"):
        summarise(world, small(first_sentences))


def test_nothing_is_traced_whatever_the_environment_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2", "LANGSMITH_TRACING_V2"):
        monkeypatch.setenv(name, "true")
    monkeypatch.setenv("LANGSMITH_API_KEY", "not a key")
    world.add("lease.txt", LEASE)
    seen: list[object] = []

    def reply(conversation: Conversation) -> str:
        seen.append(tracing_is_enabled())
        return ""

    summarise(world, small(reply))
    assert seen
    assert not any(seen)


# Wrong use


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"template": "haiku"}, WrongUse),
        ({"length": "endless"}, WrongUse),
        ({"document_id": "nowhere.txt"}, NotFound),
    ],
)
def test_what_there_is_not_is_refused_before_anything_is_recorded(
    world: World, options: dict[str, str], error: type[MunimentError]
) -> None:
    world.add("lease.txt", LEASE)
    with pytest.raises(error):
        summarise(world, small(first_sentences), **options)
    assert world.kinds() == []


def test_a_matter_without_ready_documents_is_refused(world: World) -> None:
    with pytest.raises(WrongUse, match="not ready"):
        summarise(world, small(first_sentences))


def test_an_id_that_could_be_a_path_is_refused(world: World) -> None:
    world.add("lease.txt", LEASE)
    with pytest.raises(WrongUse):
        Summariser(world.library, small(""), world.audit).run(world.scope, summary_id="../../x")
