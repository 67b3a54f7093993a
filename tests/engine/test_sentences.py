from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sentences import ReplySplitter, is_cut_off, looks_like_row, spans_of_sentences, split_reply


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The fee is $5. It is due now.", ["The fee is $5.", "It is due now."]),
        (
            "Amendment No. 2 applies. See Sec. 8.2 for more.",
            ["Amendment No. 2 applies.", "See Sec. 8.2 for more."],
        ),
        ("Acme Inc. shall pay 3.5 percent.", ["Acme Inc. shall pay 3.5 percent."]),
        (
            "It is owned by Acme Inc. The seat is in the U.S. Code.",
            ["It is owned by Acme Inc.", "The seat is in the U.S. Code."],
        ),
        ("J. P. Smith signed it. He left.", ["J. P. Smith signed it.", "He left."]),
        ("- one thing [1]\n- another thing [2]", ["one thing", "another thing"]),
        ("1. First.\n2. Second.", ["First.", "Second."]),
        ("It is a fee for the\nservices of the agent.", ["It is a fee for the services of the agent."]),
        ("Is it due? Yes!", ["Is it due?", "Yes!"]),
    ],
)
def test_a_reply_is_cut_where_sentences_end(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in split_reply(text)] == expected


@pytest.mark.parametrize(
    ("text", "markers"),
    [
        ("The term is a year [1].", [(1,)]),
        ("The term is a year. [1]", [(1,)]),
        ("The term is a year.[1][3] It ends [2, 4].", [(1, 3), (2, 4)]),
        ("All of them [1-3].", [(1, 2, 3)]),
        ("None here.", [()]),
    ],
)
def test_markers_go_to_the_sentence_that_they_stand_in_or_behind(
    text: str, markers: list[tuple[int, ...]]
) -> None:
    assert [sentence.markers for sentence in split_reply(text)] == markers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("The answer is: 6.1 Except as changed, it continues.", "Except as changed, it continues."),
        ("According to the passage, the fee is $5.", "The fee is $5."),
        ("Based on the passages, the answer is: the fee is $5.", "The fee is $5."),
        ("The passage states that the fee is $5.", "The fee is $5."),
        ("According to clause 6.1, the fee is $5.", "According to clause 6.1, the fee is $5."),
        ("The passage does not state the fee.", "The passage does not state the fee."),
    ],
)
def test_what_a_reply_says_about_its_passages_is_left_out(text: str, said: str) -> None:
    assert [sentence.text for sentence in split_reply(text)] == [said]


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("The law that governs is the law of", True),
        ("It is the law of.", True),
        ("It applies to the fee,", True),
        ("Either party may assign it \u2014", True),
        ("The term is stated in Amendment No.", True),
        ("It stands in Schedule A.", False),
        ("It stands in Section 6.1(a).", False),
        ("It was incorporated in the United States.", False),
        ("These are the works it is paid for.", False),
    ],
)
def test_a_sentence_that_stops_before_its_end_is_cut_off(text: str, cut: bool) -> None:
    assert is_cut_off(text) is cut


def test_only_the_last_sentence_of_a_reply_can_lack_its_end() -> None:
    assert [one.ended for one in split_reply("- one thing\n- Another thing")] == [True, False]
    assert [one.ended for one in split_reply("The fee is $5 [1].")] == [True]


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(["The fee is $5.00 [1].", "See Sec. 8.2. [2]", "Yes.", "Acme Inc. pays [1][2]."]),
        max_size=6,
    ),
    st.integers(1, 7),
)
def test_a_reply_that_comes_in_pieces_gives_the_same_sentences(parts: list[str], step: int) -> None:
    text = " ".join(parts)
    splitter = ReplySplitter()
    sentences = [
        sentence for at in range(0, len(text), step) for sentence in splitter.feed(text[at : at + step])
    ]
    assert [*sentences, *splitter.finish()] == split_reply(text)


def test_a_sentence_is_given_out_before_the_reply_is_over() -> None:
    splitter = ReplySplitter()
    assert [s.text for s in splitter.feed("The term is a year [1]. The f")] == ["The term is a year."]


@settings(deadline=None)
@given(st.text(alphabet='ab .\n\t1$,;:[]()|A"', max_size=120))
def test_page_sentences_cover_all_that_is_printed_once_and_in_order(text: str) -> None:
    spans = spans_of_sentences(text)
    assert all(a < b for a, b in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    kept = "".join(text[a:b] for a, b in spans)
    assert "".join(kept.split()) == "".join(text.split())


def test_wrapped_prose_is_one_sentence_and_table_rows_are_each_their_own() -> None:
    page = (
        "REVENUE\n"
        "The Company's revenue rose in the third\nquarter of fiscal 2023. It fell before.\n"
        "Revenue $ 5,931 $ 7,103\nCost of revenue 2,754 2,472\n"
    )
    assert [page[a:b] for a, b in spans_of_sentences(page)] == [
        "REVENUE",
        "The Company's revenue rose in the third\nquarter of fiscal 2023.",
        "It fell before.",
        "Revenue $ 5,931 $ 7,103",
        "Cost of revenue 2,754 2,472",
    ]


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("Revenue $ 5,931 $ 7,103", True),
        ("Net income (loss) (1,186) 2,464", True),
        ("The term of this Agreement is ninety (90) days from the date of the last signature.", False),
        ("Gross margin 53.6 %", True),
        ("Name | Amount | Date", True),
    ],
)
def test_table_rows_are_told_from_prose(line: str, row: bool) -> None:
    assert looks_like_row(line) is row


def test_a_line_that_breaks_inside_a_sentence_does_not_end_it() -> None:
    reply = "Neither party may use the name without prior\nwritten consent. [1]\nThe fee is due."
    wanted = ["Neither party may use the name without prior written consent.", "The fee is due."]
    assert [one.text for one in split_reply(reply)] == wanted
    splitter = ReplySplitter()
    fed = [one.text for letter in reply for one in splitter.feed(letter)]
    assert fed + [one.text for one in splitter.finish()] == wanted
