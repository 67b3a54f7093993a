"""A small matter for the tests of summaries: real SQL, real files, chunks cut at blank lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engine.models.base import Conversation
from engine.models.scripted import ScriptedGenerator
from engine.summarising import Summariser, Summary
from storage.audit import AuditLog
from storage.database import Database
from storage.ids import content_id
from storage.library import Library
from storage.records import Actor, Chunk, Page, ReadBy, Role, Scope, Span

ID = "summary_1"
ACTOR = Actor("user_1", "Ada", Role.MEMBER, via="command line")

LEASE = (
    "1. TERM\n\nThis Lease begins on 1 March 2024 and runs for five (5) years.\n\n"
    "The Tenant shall pay rent of $4,500 on the first day of each month.",
    "2. TERMINATION\n\nEither party may terminate this Lease by giving ninety (90) days' written notice.\n\n"
    "The Landlord must return the deposit of $9,000 within thirty (30) days.",
    "3. GENERAL\n\nThis Lease is governed by the laws of the State of New York.\n\n"
    "The Tenant shall insure the Premises for at least $1,000,000.",
)


@dataclass(frozen=True)
class World:
    home: Path
    library: Library
    audit: AuditLog
    scope: Scope

    def kinds(self) -> list[str]:
        """Kinds of the records about summaries and exports, oldest first."""
        entries = sorted(self.audit.entries(), key=lambda entry: entry.index)
        return [entry.kind for entry in entries if entry.kind.startswith(("summary", "export"))]

    def checkpoints(self) -> list[str]:
        folder = self.library.room_folder(self.scope.matter) / "summaries"
        return sorted(file.name for file in folder.iterdir()) if folder.exists() else []

    def add(
        self, path: str, texts: Sequence[str], *, problems: Mapping[int, str] | None = None, live: bool = True
    ) -> str:
        """A document of these page texts; a page with a problem has no chunks."""
        problems = problems or {}
        file = self.home / f"upload-{path.replace('/', '-')}"
        file.write_text("\f".join(texts) + path)
        received = self.library.receive(self.scope, path=path, data=file, media_type="text/plain")
        pages = [
            Page(number, text, ReadBy.NONE if number in problems else ReadBy.TEXT, 1.0, problems.get(number))
            for number, text in enumerate(texts, start=1)
        ]
        self.library.save_pages(self.scope, received.version_id, pages, title=None)
        chunks = _chunks(received.document_id, received.version_id, path, pages)
        self.library.save_chunks(
            self.scope, received.version_id, chunks, np.zeros((len(chunks), 4), np.float32)
        )
        self.library.mark_indexed(self.scope, received.version_id)
        if live:
            self.library.make_live(self.scope, received.version_id)
        return received.document_id


def open_world(home: Path) -> World:
    """A world in a folder, made or found again."""
    home.mkdir(exist_ok=True)
    database = Database.in_folder(home)
    audit = AuditLog(database)
    library = Library(database, home, audit)
    names = [one.name for one in library.matters()]
    matter = library.matter("lease") if "lease" in names else library.create_matter("lease", ACTOR)
    return World(home, library, audit, Scope(matter, ACTOR))


def first_sentences(conversation: Conversation) -> str:
    """An honest model: the last line of each passage, with its marker."""
    return " ".join(
        f"{passage.text.strip().splitlines()[-1].rstrip('.')} [{passage.n}]."
        for passage in conversation.passages
    )


def _chunks(document_id: str, version_id: str, path: str, pages: Sequence[Page]) -> list[Chunk]:
    chunks: list[Chunk] = []
    for page in pages:
        if page.problem is not None:
            continue
        at = 0
        heading: tuple[str, ...] = ()
        for paragraph in page.text.split("\n\n"):
            start = page.text.index(paragraph, at) if paragraph else at
            at = start + len(paragraph)
            if not paragraph.strip():
                continue
            if paragraph.isupper():
                heading = (paragraph,)
            ordinal = len(chunks)
            chunks.append(
                Chunk(
                    id=content_id("chunk", version_id, str(ordinal)),
                    document_id=document_id,
                    version_id=version_id,
                    ordinal=ordinal,
                    span=Span(page.number, start, at),
                    heading_path=heading,
                    text=paragraph,
                    context=path,
                )
            )
    return chunks


def small(*replies: object, **options: object) -> ScriptedGenerator:
    """A generator whose preferred prompt makes about one section of a page."""
    return ScriptedGenerator(*replies, preferred_prompt_tokens=260, preferred_output_tokens=120, **options)  # type: ignore[arg-type]


def summarise(world: World, generator: ScriptedGenerator, **options: object) -> Summary:
    return Summariser(world.library, generator, world.audit).run(world.scope, summary_id=ID, **options)  # type: ignore[arg-type]
