"""Muniment's search for a firm's own LlamaIndex code.

One retriever sees one scope: what it may read was decided when the scope was made, and no query changes it.
"""

from __future__ import annotations

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeRelationship, NodeWithScore, QueryBundle, RelatedNodeInfo, TextNode

from engine.retrieval import Retriever
from storage.records import Passage, Scope


class MatterRetriever(BaseRetriever):
    """Live passages of one scope as nodes, best first; a search below the floor gives none."""

    def __init__(self, retriever: Retriever, scope: Scope, *, limit: int = 10) -> None:
        """Search `scope` for at most `limit` passages a query."""
        super().__init__()
        self._retriever = retriever
        self._scope = scope
        self._limit = limit

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        result = self._retriever.search(self._scope, query_bundle.query_str, limit=self._limit)
        if not result.confident:
            return []
        return [NodeWithScore(node=_node(passage), score=passage.score) for passage in result.passages]


def _node(passage: Passage) -> TextNode:
    chunk = passage.chunk
    return TextNode(
        id_=chunk.id,
        text=chunk.text,
        metadata={
            "document": passage.document,
            "page": chunk.span.page,
            "start": chunk.span.start,
            "end": chunk.span.end,
            "headings": list(chunk.heading_path),
        },
        relationships={NodeRelationship.SOURCE: RelatedNodeInfo(node_id=chunk.document_id)},
    )
