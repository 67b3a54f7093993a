"""A reranker orders the first passages of a search, from a folder that is checked and never fetched."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from engine.reranking import CrossEncoderReranker
from engine.retrieval import WHOLE, Retriever
from storage.audit import AuditLog
from storage.database import Database
from storage.embedding import HashingEmbedder, searched_text
from storage.errors import Broken
from storage.library import Library
from storage.records import Actor, Chunk, Page, ReadBy, Role, Scope, Span
from storage.rooms import Rooms

SYSTEM = Actor("system", "system", Role.ADMINISTRATOR, "system")
LEASE = [
    "Section 1. The tenant pays the rent on the first working day of each month.",
    "Section 2. The deposit is returned within thirty days after the lease ends.",
    "Section 3. Either party may terminate this lease by six months' notice.",
    "Section 4. The landlord insures the building against fire.",
]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "tenant", "rent", "deposit", "lease", "notice"]


def _cross_encoder(folder: Path, *, labels: int = 1) -> Path:
    """A folder with a BERT of random weights, as sentence-transformers loads it."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        initializer_range=0.5,
        num_labels=labels,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer = BertTokenizerFast(vocab={word: at for at, word in enumerate(WORDS)}, model_max_length=64)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _cross_encoder(tmp_path_factory.mktemp("models") / "tiny")


class LongestFirst:
    """Likes long texts, and remembers what it was asked."""

    identity = "longest first"

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        self.asked.append((query, tuple(texts)))
        return [float(len(text)) for text in texts]


class Desk:
    """A matter with one lease, and a retriever with a reranker over it."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.in_folder(folder)
        self.library = Library(self.database, folder, AuditLog(self.database))
        self.embedder = HashingEmbedder()
        self.rooms = Rooms(self.library, self.embedder)
        self.reranker = LongestFirst()
        self.retriever = Retriever(self.library, self.rooms, self.embedder, reranker=self.reranker)
        self.scope = Scope(self.library.create_matter("Review", SYSTEM), SYSTEM)
        text = "\n".join(LEASE)
        (folder / "lease.txt").write_text(text)
        made = self.library.receive(
            self.scope, path="lease.txt", data=folder / "lease.txt", media_type="text/plain"
        )
        version = made.version_id
        self.library.save_pages(self.scope, version, [Page(1, text, ReadBy.TEXT, 1.0)], title=None)
        self.chunks = [
            Chunk(f"c{at}", made.document_id, version, at, Span(1, 0, 1), (), one, "lease.txt")
            for at, one in enumerate(LEASE)
        ]
        vectors = self.embedder.embed([searched_text(chunk) for chunk in self.chunks])
        self.library.save_chunks(self.scope, version, self.chunks, vectors)
        self.rooms.room(self.scope).add(self.chunks, vectors)
        self.library.mark_indexed(self.scope, version)
        self.library.make_live(self.scope, version)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.rooms.close()
    made.database.close()


def test_a_folder_of_weights_scores_each_text_the_same_each_time_and_in_any_company(weights: Path) -> None:
    reranker = CrossEncoderReranker(weights)
    texts = ["the tenant rent", "the lease deposit notice", "notice", "the tenant rent"]

    scores = reranker.scores("the rent", texts)

    assert len(set(scores)) == 3
    assert scores[0] == scores[3]
    assert [reranker.scores("the rent", [text])[0] for text in texts] == pytest.approx(scores, abs=1e-5)
    assert reranker.scores("the deposit", texts) != scores
    assert reranker.scores("the rent", []) == []


def test_its_identity_changes_with_any_byte_of_its_files(weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "tiny"
    shutil.copytree(weights, copy)
    assert CrossEncoderReranker(copy).identity == CrossEncoderReranker(weights).identity

    config = copy / "config.json"
    config.write_text(config.read_text() + " ")

    assert CrossEncoderReranker(copy).identity != CrossEncoderReranker(weights).identity


def test_a_folder_without_safetensors_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"no weights")

    with pytest.raises(Broken, match="MUNIMENT_RERANKER"):
        CrossEncoderReranker(tmp_path)


def test_weights_that_cannot_be_read_are_named(weights: Path, tmp_path: Path) -> None:
    copy = tmp_path / "damaged"
    shutil.copytree(weights, copy)
    (copy / "model.safetensors").write_bytes(b"damaged")

    with pytest.raises(Broken, match="damaged cannot be loaded"):
        CrossEncoderReranker(copy).scores("rent", ["the rent"])


def test_a_classifier_of_several_labels_is_no_reranker(tmp_path: Path) -> None:
    folder = _cross_encoder(tmp_path / "three", labels=3)

    with pytest.raises(Broken, match="3 numbers"):
        CrossEncoderReranker(folder).scores("rent", ["the rent", "the lease"])


def test_a_search_puts_its_passages_in_the_order_of_the_reranker(desk: Desk) -> None:
    question = "When does the tenant pay rent?"
    passages = desk.retriever.search(desk.scope, question, settings=WHOLE).passages

    assert [len(one.chunk.text) for one in passages] == sorted(map(len, LEASE), reverse=True)
    assert [one.rank for one in passages] == [1, 2, 3, 4]
    for one in passages:
        assert one.scores["reranker"] == len(searched_text(one.chunk))
        assert one.score == one.scores["fused"]
    [(query, texts)] = desk.reranker.asked
    assert query == question
    assert set(texts) == set(map(searched_text, desk.chunks))


def test_only_the_first_passages_are_put_in_another_order(desk: Desk) -> None:
    question = "When does the tenant pay rent?"
    without = dataclasses.replace(WHOLE, rerank=0)
    before = desk.retriever.search(desk.scope, question, settings=without).passages
    assert desk.reranker.asked == []
    two = dataclasses.replace(without, rerank=2)
    after = desk.retriever.search(desk.scope, question, settings=two).passages

    assert [one.chunk.id for one in after[2:]] == [one.chunk.id for one in before[2:]]
    assert {one.chunk.id for one in after[:2]} == {one.chunk.id for one in before[:2]}
    assert ["reranker" in one.scores for one in after] == [True, True, False, False]


def test_what_the_question_names_exactly_stays_first(desk: Desk) -> None:
    question = "What does Section 4 of the lease say?"
    passages = desk.retriever.search(desk.scope, question, settings=WHOLE).passages

    assert passages[0].chunk.text == LEASE[3]
    assert "reranker" not in passages[0].scores
