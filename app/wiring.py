"""Builds the object graph from the settings: the one place where parts are put together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from app.attention import Attention
from app.jobs import JobRunner
from app.settings import Settings, point_at_kernels, remote_key
from engine.assistant import Assistant
from engine.circumstances import Circumstances
from engine.models.absent import AbsentGenerator
from engine.models.base import Generator
from engine.models.catalogue import choose
from engine.models.endpoint import Endpoint
from engine.models.host import ModelHost
from engine.models.installed import InstalledModels
from engine.models.loading import LoadOptions
from engine.models.remote import RemoteGenerator
from engine.models.requests import Limits
from engine.passages.companions import Companions
from engine.replaying import Replayer
from engine.reranking import CrossEncoderReranker, Reranker
from engine.retrieval import WHOLE, Retriever
from engine.sending import Sender
from engine.summarising import Summariser
from engine.surveying import Surveyor
from ingest.limits import IngestLimits
from ingest.pipeline import Importer
from storage.access import Access
from storage.accounts import Accounts
from storage.allocator import share_heaps
from storage.audit import AuditLog
from storage.chroma_server import ChromaServer
from storage.database import Database
from storage.embedding import Embedder, MiniLmEmbedder
from storage.engines import ChromaFolder, Engines, KeywordFolder
from storage.errors import Broken, MunimentError, WrongUse
from storage.jobs import Jobs
from storage.library import Library
from storage.postgres_keywords import PostgresWords
from storage.records import Actor, JsonValue
from storage.rooms import Rooms
from storage.shelf import Shelf


@dataclass(frozen=True, slots=True)
class Services:
    """Everything that pages and commands call."""

    settings: Settings
    limits: IngestLimits
    database: Database
    audit: AuditLog
    accounts: Accounts
    access: Access
    library: Library
    rooms: Rooms
    embedder: Embedder
    reranker: Reranker | None
    retriever: Retriever
    models: InstalledModels
    generator: ModelHost
    remote: RemoteGenerator | None
    """The model that an administrator has set elsewhere: the only outgoing connection there is."""
    assistant: Assistant
    replayer: Replayer
    importer: Importer
    summariser: Summariser
    shelf: Shelf
    jobs: JobRunner
    attention: Attention

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints of the audit log are kept beside the copies that people take away."""
        return self.settings.home / "checkpoints"

    def close(self) -> None:
        """Stop work and give back files, weights and connections."""
        self.jobs.stop()
        self.generator.close()
        if self.remote is not None:
            self.remote.close()
        self.rooms.close()
        self.database.close()


def build(
    settings: Settings, *, embedder: Embedder | None = None, generator: Generator | None = None
) -> Services:
    """The services of one data folder, whose owner this process must be.

    Args:
        settings: what the administrator chose.
        embedder: in place of MiniLM.
        generator: in place of the language model that the settings name.

    Raises:
        WrongUse: the settings name a remote endpoint that cannot be meant, or only a part of one.
        Broken: the data folder or the database cannot be used. A model that cannot answer says so when asked.
    """
    share_heaps()
    home = settings.home
    remote = _remote(settings)
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Broken(
            f"the data folder {home} cannot be used ({error.strerror}); check MUNIMENT_HOME"
        ) from error
    reranker = CrossEncoderReranker(settings.reranker) if settings.reranker is not None else None
    url = settings.database_url
    database = Database.in_folder(home) if url is None else Database(url.get_secret_value())
    audit = AuditLog(database)
    accounts = Accounts(database, audit)
    access = Access(database, audit)
    library = Library(database, home, audit)
    library.sweep()
    embedder = embedder or MiniLmEmbedder()
    models = InstalledModels(model_folders(settings), audit)
    operator = accounts.local_operator()
    host = ModelHost(
        generator or _chosen(settings, models, operator),
        reopen=None if generator is not None else lambda: _chosen(settings, models, operator),
        length=settings.model_queue,
        limits=Limits(settings.model_wait_s, settings.model_answer_s),
    )
    rooms = Rooms(library, embedder, engines=_engines(settings, database))
    retriever = Retriever(library, rooms, embedder, reranker=reranker)
    shelf = Shelf(database)
    limits = IngestLimits(
        max_file_bytes=settings.max_file_mb * 1_000_000,
        seconds_per_file=settings.parse_timeout_s,
        memory_bytes=settings.parse_memory_mb * 1_000_000,
    )
    attention = Attention()
    importer = Importer(library, rooms, embedder, audit, limits=limits, wait_turn=attention.wait_turn)
    circumstances = Circumstances(search=lambda: _search_facts(settings, embedder, reranker))
    summariser = Summariser(library, host, audit, circumstances=circumstances)
    return Services(
        settings=settings,
        limits=limits,
        database=database,
        audit=audit,
        accounts=accounts,
        access=access,
        library=library,
        rooms=rooms,
        embedder=embedder,
        reranker=reranker,
        retriever=retriever,
        models=models,
        generator=host,
        remote=remote,
        assistant=Assistant(
            library,
            retriever.by(WHOLE),
            host,
            audit,
            shelf,
            surveyor=Surveyor(library, rooms, embedder),
            circumstances=circumstances,
            companions=Companions(library),
            sender=Sender(remote, access, audit),
        ),
        replayer=Replayer(library, host, audit, shelf, circumstances=circumstances),
        importer=importer,
        summariser=summariser,
        shelf=shelf,
        jobs=JobRunner(
            jobs=Jobs(database),
            access=access,
            library=library,
            importer=importer,
            summariser=summariser,
            shelf=shelf,
            limits=limits,
        ),
        attention=attention,
    )


def model_folders(settings: Settings) -> tuple[Path, ...]:
    """Where models are looked for, in order."""
    named = (settings.models,) if settings.models is not None else ()
    return (*named, settings.home / "models")


def load_options(settings: Settings) -> LoadOptions:
    """How a folder of weights is to be loaded."""
    return LoadOptions(
        device=settings.model_device,
        precision=settings.model_precision,
        allow_unpacked=settings.model_allow_unpacked,
        adapter=settings.model_adapter,
        slots=settings.model_slots,
        threads=settings.model_threads,
        decode_threads=settings.model_decode_threads,
        context_tokens=settings.model_context,
    )


def _remote(settings: Settings) -> RemoteGenerator | None:
    if settings.remote_url is None or settings.remote_model is None:
        for name in ("url", "model", "key", "key_file", "ca_file"):
            if getattr(settings, f"remote_{name}") is not None:
                raise WrongUse(
                    f"MUNIMENT_REMOTE_{name.upper()} is set, and a remote model needs both "
                    "MUNIMENT_REMOTE_URL and MUNIMENT_REMOTE_MODEL; set both or none of them"
                )
        return None
    endpoint = Endpoint(
        url=settings.remote_url,
        model=settings.remote_model,
        key=remote_key(settings),
        ca_file=settings.remote_ca_file,
        read_s=settings.remote_silence_s,
        whole_s=settings.model_answer_s,
        context_tokens=settings.remote_context,
        reasons=settings.remote_reasons,
    )
    # Now and not with the first question: a file that cannot be read is found when Muniment starts.
    endpoint.trust()
    return RemoteGenerator(endpoint)


def _chosen(settings: Settings, models: InstalledModels, actor: Actor) -> Generator:
    for folder in models.folders:
        point_at_kernels(folder)
    try:
        return choose(
            # What is elsewhere cannot be the model of this machine, which local matters are answered by.
            "auto" if settings.model == settings.remote_model else settings.model,
            folders=models.folders,
            options=load_options(settings),
            seal=lambda folder: models.seal(folder, actor=actor),
        )
    except MunimentError as error:
        # Not now: the commands that put it right need the rest, and so does whoever only searches.
        reason = error
        absent = AbsentGenerator(reason, on_use=lambda: models.refused(settings.model, reason, actor=actor))
        return cast(Generator, absent)


def _search_facts(settings: Settings, embedder: Embedder, reranker: Reranker | None) -> dict[str, JsonValue]:
    return {
        "embedder": embedder.identity,
        "reranker": reranker.identity if reranker is not None else None,
        "vectors": "folder" if settings.vector_store_url is None else "server",
        "keywords": settings.keyword_store,
    }


def _engines(settings: Settings, database: Database) -> Engines:
    url = settings.vector_store_url
    return Engines(
        vectors=ChromaFolder() if url is None else ChromaServer(url),
        keywords=PostgresWords(database) if settings.keyword_store == "postgresql" else KeywordFolder(),
    )
