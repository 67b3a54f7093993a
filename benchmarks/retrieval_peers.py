"""LlamaIndex's and LangChain's default retrievers, over the pages that Muniment read and with its embedder.

Each answers as `engine.retrieval.Retriever` does, as far as `engine.evaluation.running.Evaluator` looks, so
that one loop asks all of them and scores them alike. Defaults are those of the libraries' own tutorials; what
is longer than the embedder reads is cut, as sentence-transformers would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter

from engine.retrieval import SearchResult, SearchSettings
from storage.embedding import MiniLmEmbedder
from storage.library import Library
from storage.records import Chunk, Passage, Scope, Span

SPECIAL_TOKENS = 2


@dataclass(frozen=True)
class PageText:
    document_id: str
    name: str
    number: int
    text: str


@dataclass(frozen=True)
class Hit:
    page: PageText
    start: int
    end: int
    score: float


def pages_of(library: Library, scope: Scope) -> list[PageText]:
    return [
        PageText(document.id, document.path, page.number, page.text)
        for document in library.documents(scope)
        for page in library.page_stream(scope, document.version_id)
        if page.text.strip()
    ]


class Peer:
    """A peer's retriever in the shape of ours. It searches all the pages it was given, whatever the scope."""

    def __init__(self, retrieve: Callable[[str, int], Iterable[Hit]]) -> None:
        self._retrieve = retrieve

    def search(self, _scope: Scope, query: str, *, limit: int, settings: SearchSettings) -> SearchResult:
        del settings  # Ours alone: a peer has its library's own.
        start = perf_counter()
        hits = list(self._retrieve(query, limit))
        took = (perf_counter() - start) * 1000
        passages = [passage(hit, rank) for rank, hit in enumerate(hits, start=1)]
        return SearchResult(passages, {"total": took}, confident=True, nearness=0.0, coverage=0.0)


def passage(hit: Hit, rank: int) -> Passage:
    page = hit.page
    text = page.text[hit.start : hit.end]
    name = f"{page.document_id} {page.number} {hit.start} {hit.end}"
    chunk = Chunk(name, page.document_id, "", 0, Span(page.number, hit.start, hit.end), (), text, "")
    return Passage(chunk, page.name, rank, hit.score)


def llamaindex(pages: Sequence[PageText], embedder: MiniLmEmbedder) -> Peer:
    """SentenceSplitter (1,024 tokens, 200 shared), VectorStoreIndex in memory, its retriever."""
    from llama_index.core import VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.core.schema import Document

    class MiniLm(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return vectors(embedder, texts)

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    # The directory reader's own metadata, which are embedded in front of the text.
    documents = [
        Document(
            text=page.text,
            id_=str(at),
            metadata={"page_label": str(page.number), "file_path": page.name},
        )
        for at, page in enumerate(pages)
    ]
    nodes = SentenceSplitter().get_nodes_from_documents(documents)
    index = VectorStoreIndex(nodes, embed_model=MiniLm(embed_batch_size=64))

    def retrieve(query: str, limit: int) -> Iterable[Hit]:
        for found in index.as_retriever(similarity_top_k=limit).retrieve(query):
            page, start = pages[int(found.node.ref_doc_id)], found.node.start_char_idx or 0
            yield Hit(page, start, found.node.end_char_idx or start, found.score or 0.0)

    return Peer(retrieve)


def langchain(pages: Sequence[PageText], embedder: MiniLmEmbedder) -> Peer:
    """RecursiveCharacterTextSplitter (1,000 characters, 200 shared), Chroma in memory, its retriever."""
    from langchain_chroma import Chroma
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    class MiniLm(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return vectors(embedder, texts)

        def embed_query(self, text: str) -> list[float]:
            return vectors(embedder, [text])[0]

    splitter = RecursiveCharacterTextSplitter(chunk_size=1_000, chunk_overlap=200, add_start_index=True)
    cut = splitter.split_documents(
        [Document(page.text, metadata={"at": at}) for at, page in enumerate(pages)]
    )
    store = Chroma(collection_name="peer", embedding_function=MiniLm())
    for first in range(0, len(cut), 1_000):
        store.add_documents(cut[first : first + 1_000])

    def retrieve(query: str, limit: int) -> Iterable[Hit]:
        for found in store.as_retriever(search_kwargs={"k": limit}).invoke(query):
            start = found.metadata["start_index"]
            yield Hit(pages[found.metadata["at"]], start, start + len(found.page_content), 0.0)

    return Peer(retrieve)


def vectors(embedder: MiniLmEmbedder, texts: Sequence[str]) -> list[list[float]]:
    return embedder.embed([as_read(embedder, text) for text in texts]).tolist()


def as_read(embedder: MiniLmEmbedder, text: str) -> str:
    """The beginning of a text that the embedder has room for."""
    offsets = embedder.token_offsets(text)
    room = embedder.max_tokens - SPECIAL_TOKENS
    if len(offsets) <= room:
        return text
    # A text cut between two pieces of a word may take one piece more.
    return text[: offsets[room - 4][1]]
