"""The splitter as a LlamaIndex node parser, so that it fits any LlamaIndex ingestion as well as ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import BaseNode, Document, NodeRelationship, TextNode

from ingest.chunking import CountTokens, Splitter, TokenOffsets, chunk_id
from storage.records import Chunk, Span


class PageSplitter(NodeParser):
    """One LlamaIndex document per page in, one text node per chunk out.

    Pages carry `document_id`, `version_id`, `document` and `page` in their metadata and come in order; nodes
    add `heading_path`, `context` and `ordinal`, and have their span in `start_char_idx` and `end_char_idx`.
    """

    max_tokens: int
    _count_tokens: CountTokens = PrivateAttr()
    _token_offsets: TokenOffsets | None = PrivateAttr()

    def __init__(
        self, count_tokens: CountTokens, *, max_tokens: int, token_offsets: TokenOffsets | None = None
    ) -> None:
        """Give the embedder's own counting, and its longest input with the two special tokens."""
        super().__init__(max_tokens=max_tokens, include_prev_next_rel=False)  # type: ignore[call-arg]
        self._count_tokens = count_tokens
        self._token_offsets = token_offsets

    @classmethod
    def class_name(cls) -> str:
        """See `BaseComponent.class_name`."""
        return "PageSplitter"

    def _postprocess_parsed_nodes(
        self,
        nodes: list[BaseNode],
        parent_doc_map: dict[str, Document],  # noqa: ARG002 - the base class's signature
    ) -> list[BaseNode]:
        # The inherited one searches each text again and takes the first place that has it; spans are known.
        return nodes

    def _parse_nodes(
        self,
        nodes: Sequence[BaseNode],
        show_progress: bool = False,  # noqa: ARG002, FBT001, FBT002 - the base class's signature
        **kwargs: Any,  # noqa: ARG002
    ) -> list[BaseNode]:
        versions: dict[str, list[BaseNode]] = {}
        for node in nodes:
            versions.setdefault(node.metadata["version_id"], []).append(node)
        return [made for pages in versions.values() for made in self._nodes_of(pages)]

    def _nodes_of(self, pages: Sequence[BaseNode]) -> Iterator[TextNode]:
        first = pages[0].metadata
        by_number = {int(page.metadata["page"]): page for page in pages}
        texts = {number: page.get_content() for number, page in by_number.items()}
        splitter = Splitter(
            first["document"],
            self._count_tokens,
            max_tokens=self.max_tokens,
            token_offsets=self._token_offsets,
        )
        # Worked out once a page: it hashes the page's whole text.
        origins = {number: page.as_related_node_info() for number, page in by_number.items()}
        for ordinal, piece in enumerate(splitter.pieces(list(texts.items()))):
            page = by_number[piece.page]
            yield TextNode(
                id_=chunk_id(first["version_id"], ordinal, piece.page, piece.start, piece.end),
                text=texts[piece.page][piece.start : piece.end],
                start_char_idx=piece.start,
                end_char_idx=piece.end,
                metadata={
                    **page.metadata,
                    "ordinal": ordinal,
                    "heading_path": list(piece.heading_path),
                    "context": piece.context,
                },
                relationships={NodeRelationship.SOURCE: origins[piece.page]},
            )


def chunk_of(node: BaseNode) -> Chunk:
    """The chunk that a node of `PageSplitter` stands for."""
    assert isinstance(node, TextNode)
    held = node.metadata
    assert node.start_char_idx is not None
    assert node.end_char_idx is not None
    return Chunk(
        id=node.node_id,
        document_id=held["document_id"],
        version_id=held["version_id"],
        ordinal=held["ordinal"],
        span=Span(held["page"], node.start_char_idx, node.end_char_idx),
        heading_path=tuple(held["heading_path"]),
        text=node.text,
        context=held["context"],
    )
