"""The splitter as a LlamaIndex node parser, so that it fits any LlamaIndex ingestion as well as ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from llama_index.core.bridge.pydantic import PrivateAttr
from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import BaseNode, Document, NodeRelationship, TextNode

from ingest.chunking import Splitter, TokenOffsets, chunk_id
from ingest.contexts import CountTokens
from ingest.running_lines import RunningLines
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
        lines = RunningLines()
        for page in pages:
            lines.feed(page.get_content())
        return self.stream(pages, running=lines.found())

    def stream(self, pages: Iterable[BaseNode], *, running: frozenset[str]) -> Iterator[TextNode]:
        """The nodes of one version's pages, in order; one page is held at a time.

        `running` is what `RunningLines` found in all pages of the version beforehand.
        """
        coming = iter(pages)
        first = next(coming, None)
        if first is None:
            return
        held = _Held(first)
        splitter = Splitter(
            first.metadata["document"],
            self._count_tokens,
            max_tokens=self.max_tokens,
            token_offsets=self._token_offsets,
        )
        for ordinal, piece in enumerate(splitter.pieces(held.texts(coming), running)):
            yield TextNode(
                id_=chunk_id(first.metadata["version_id"], ordinal, piece.page, piece.start, piece.end),
                text=held.text[piece.start : piece.end],
                start_char_idx=piece.start,
                end_char_idx=piece.end,
                metadata={
                    **held.page.metadata,
                    "ordinal": ordinal,
                    "heading_path": list(piece.heading_path),
                    "context": piece.context,
                },
                relationships={NodeRelationship.SOURCE: held.origin},
            )


class _Held:
    """The page whose pieces are being taken."""

    def __init__(self, page: BaseNode) -> None:
        self._hold(page)

    def texts(self, coming: Iterator[BaseNode]) -> Iterator[tuple[int, str]]:
        """Number and text of the held page and of those that come; the last one given is held."""
        yield int(self.page.metadata["page"]), self.text
        for page in coming:
            self._hold(page)
            yield int(page.metadata["page"]), self.text

    def _hold(self, page: BaseNode) -> None:
        self.page = page
        self.text = page.get_content()
        # Worked out once a page: it hashes the page's whole text.
        self.origin = page.as_related_node_info()


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
