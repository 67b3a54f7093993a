"""Cut text into sentences: a model's reply with its markers, and a page's text with exact offsets.

Legal and financial text is full of points that end nothing ("Sec. 8.2", "No. 2", "U.S.", "Acme Inc. shall"),
so a point ends a sentence only where what follows can start one. What a reply says about its passages before
it says anything ("The answer is:", "The passage states that") is no part of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import ascii_letters

from engine.words import STOPWORDS, word_set

_ABBREVIATIONS = word_set(
    """no nos sec secs art arts cl para paras pt ch app ex exh fig vol p pp ed inc corp co ltd llc plc l.p lp
    mr mrs ms dr prof st jr sr hon rev gen col vs v etc cf al e.g i.e viz approx est dept div u.s u.k e.u
    jan feb mar apr jun jul aug sep sept oct nov dec u.s.c c.f.r reg regs stat bhd pty s.a n.v a.g b.v"""
)
# These end a sentence as often as not: what follows decides. The others never end one before more words.
_MAY_END = word_set("inc corp co ltd llc plc lp l.p etc u.s u.k e.u jr sr al s.a n.v a.g b.v pty bhd")
_STARTERS = word_set(
    """the a an this that these those it its he she they we our in on at for to if as by with under upon any
    all each no such however subject notwithstanding either neither both there when where while unless"""
)
_END = re.compile(r"[.!?][\"'\u201d\u2019)\]]*(?=\s|$|\[\d)")
_MARKER = re.compile(r"\s*\[(\d{1,3}(?:\s*[,;\u2013-]\s*\d{1,3})*)\]")
# A model also breaks lines inside a sentence: only a blank line, or one that can begin anew, ends one.
_WRAP = re.compile(r"[ \t]*\n[ \t]*(?=[a-z])")
_ROW_BREAK = re.compile(r"\n(?=\s*\n|[ \t]*[A-Z0-9\"\u201c(*\u2022-])")
_FIGURE = re.compile(r"[$\u20ac\u00a3]?\(?[$\u20ac\u00a3]?[\d,.]+\)?%?\)?|[$%)\u2014-]")
# Four at least: three dots are left-out words.
_LEADERS = re.compile(r"\.(?:[ \t]?\.){3,}")
_WIDE_GAP = re.compile(r"\S\s{3,}\S")
_GAP_BEFORE_FIGURE = re.compile(r"\s{2,}[$(\d]")
_ENDS_IN_FIGURE = re.compile(r"[\d)%]$")
_SMALL_LETTER = re.compile(r"[a-z]")
_FIRST_WORD = re.compile(r"[\"'\u201c(]*([A-Za-z]+)")
_NUMBERS_A_LINE = re.compile(r"\(?(?:\d+(?:\.\d+)*|[a-z]|[ivxl]+)\)?", re.IGNORECASE)
_PLACE = re.compile(r"(?:section|article|page|clause|schedule|exhibit|item|note|part)\b", re.IGNORECASE)
_LIST_MARK = re.compile(r"^\s*(?:[-*\u2022]\s+|\(?\d{1,2}[.)]\s+|\([a-z]\)\s+)")
_ABOUT = r"passages?|texts?|sections?|excerpts?|sources?|documents?|context|information"
_LEAD_IN = re.compile(
    r"^(?:(?:in\s+summary|in\s+short|overall|therefore|thus),\s+)?(?:"
    r"(?:the\s+(?:(?:correct|short|final)\s+)?)?answer(?:\s+to\s+the\s+question)?(?:\s+is)?:\s*"
    r"|the\s+answer\s+is\s+that\s+"
    rf"|(?:according\s+to|based\s+on|as\s+stated\s+in)\s+(?:(?:the|these|this|both)\s+)?"
    rf"(?:(?:given|provided|above)\s+)?(?:{_ABOUT})(?:\s+(?:provided|given|above|\d+))?[,:]\s+"
    rf"|(?:the|these|this|both)\s+(?:{_ABOUT})\s+(?:also\s+|further\s+)?(?:states?|mentions?|explains?|says?"
    r"|indicates?|establish(?:es)?|notes?|specif(?:y|ies))\s+that\s+)(?=\S)",
    re.IGNORECASE,
)
_CLAUSE_NUMBER = re.compile(r"^\d+(?:\.\d+)+\s+(?=[A-Z])")
_ENDED = re.compile(r"[.!?][\"'\u201d\u2019)\]]*$")
# "the works paid for." and "the United States." are whole; nothing whole ends in these, point or none.
_NEVER_LAST = word_set(
    "the a an and or nor of than whose which that because my your their its every into upon"
)


@dataclass(frozen=True, slots=True)
class MarkedSentence:
    """A sentence of a reply: its words without markers, and the passage numbers that it names."""

    text: str
    markers: tuple[int, ...]
    ended: bool = True
    """False where the reply stops in it: no full stop, and nothing behind."""


def is_cut_off(text: str) -> bool:
    """Whether a sentence stops before its end: after a comma, a dash or a word that more must follow."""
    found = re.search(r"(\w+)\W?$", text)
    last = found.group(1) if found and not text.endswith(")") else ""
    # "Schedule A." is whole, "a." is not.
    if text.rstrip().endswith((",", "-", "\u2013", "\u2014")) or last in _NEVER_LAST:
        return True
    if re.search(r"\b(?:No|Nos|Sec|Art|Cl|Ex|Fig)\.$", text.rstrip()):
        return True
    return not _ENDED.search(text.rstrip()) and last.lower() in STOPWORDS


def is_whole(text: str) -> bool:
    """False for a piece of a sentence, as small models leave them: it may be true and still mean nothing."""
    words = re.findall(r"\w+", text)
    return (
        len(words) > 2
        and not words[0][:1].islower()
        and words[-1].lower() not in STOPWORDS
        and not is_cut_off(text)
    )


def without_lead_in(text: str) -> str:
    """What is stated, without "According to the passages," or "The answer is:" before it."""
    bare = text
    while match := _LEAD_IN.match(bare):
        bare = _CLAUSE_NUMBER.sub("", bare[match.end() :])
    return bare[:1].upper() + bare[1:] if bare != text else text


def split_reply(text: str) -> list[MarkedSentence]:
    """All sentences of a whole reply, in order."""
    splitter = ReplySplitter()
    return [*splitter.feed(text), *splitter.finish()]


class ReplySplitter:
    """Cuts a reply while it is still coming: a sentence is given out once its end is certain."""

    def __init__(self) -> None:
        self._pending = ""

    def feed(self, text: str) -> list[MarkedSentence]:
        """Take more text; give the sentences that it completed."""
        self._pending += text
        sentences: list[MarkedSentence] = []
        while (end := _reply_end(self._pending)) is not None:
            sentences += _marked(self._pending[:end])
            self._pending = self._pending[end:]
        return sentences

    def finish(self) -> list[MarkedSentence]:
        """Give what is left when no more text comes."""
        rest, self._pending = self._pending, ""
        sentences: list[MarkedSentence] = []
        while (end := _reply_end(rest, final=True)) is not None:
            sentences += _marked(rest[:end])
            rest = rest[end:]
        ended = _ENDED.search(_MARKER.sub("", rest).rstrip()) is not None
        return [*sentences, *_marked(rest, ended=ended)]


def spans_of_sentences(text: str) -> list[tuple[int, int]]:
    """Offsets of each sentence or row of a page's text, white space at both ends left out.

    A line that looks like a table row or a heading is one of its own; wrapped prose is not cut at line ends.
    """
    spans: list[tuple[int, int]] = []
    text = without_leaders(text)
    for start, end in _blocks(text):
        begin = start
        for stop in _ends(text[start:end]):
            _append(spans, text, begin, start + stop)
            begin = start + stop
        _append(spans, text, begin, end)
    return spans


def without_leaders(text: str) -> str:
    """The text with dot leaders ("Revenue ........ 5,931") as blanks; every offset stays."""
    return (
        _LEADERS.sub(lambda leaders: " " * len(leaders[0]), text)
        if "..." in text or ". . ." in text
        else text
    )


def looks_like_row(line: str) -> bool:
    """A table row: a label and then mostly figures, or cells kept apart by tabs, bars or wide gaps."""
    stripped = without_leaders(line).strip()
    if not stripped:
        return False
    if "\t" in stripped or stripped.count("|") > 1:
        return True
    words = stripped.split()
    # Two gaps, or one before a figure: justified prose has single wide gaps too.
    has_gaps = len(stripped) - sum(map(len, words)) >= len(words)
    if has_gaps and (len(_WIDE_GAP.findall(stripped)) > 1 or _GAP_BEFORE_FIGURE.search(stripped)):
        return True
    # Wrapped prose often leaves "January 30, 2022." on a line of its own.
    if stripped.endswith((".", ";", ",")):
        return False
    # Nearly all words of prose are letters, and told from figures by that alone.
    if len(words) > 6 and sum(map(str.isalpha, words)) * 2 > len(words):
        return False
    figures = sum(_FIGURE.fullmatch(word) is not None for word in words)
    if figures >= 2 and figures * 2 >= len(words):
        return True
    # "Gross margin 53.6 %" is a row; "Section 8" and "Page 3" are not.
    ends_in_figure = _ENDS_IN_FIGURE.search(stripped) is not None and _PLACE.match(stripped) is None
    return figures >= 1 and len(words) <= 6 and ends_in_figure


def _blocks(text: str) -> Iterator[tuple[int, int]]:
    """Stretches that no sentence crosses: paragraphs, rows, short lines of their own."""
    start = 0
    position = 0
    for line in text.splitlines(keepends=True):
        end = position + len(line)
        bare = line.strip()
        alone = not bare or looks_like_row(line) or _is_heading(bare)
        if (alone or _LIST_MARK.match(line)) and start < position:
            yield start, position
            start = position
        if alone:
            yield position, end
            start = end
        position = end
    if start < len(text):
        yield start, len(text)


def _is_heading(line: str) -> bool:
    if len(line) > 90 or line.endswith((".", ";", ",", ":")):
        return False
    if _SMALL_LETTER.search(line):
        return False
    letters = [letter for letter in line if letter.isalpha()]
    return len(letters) > 3 and all(letter.isupper() for letter in letters)


def _append(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    lead = len(piece) - len(piece.lstrip())
    stripped = piece.strip()
    if stripped:
        spans.append((start + lead, start + lead + len(stripped)))


def _ends(text: str) -> Iterator[int]:
    """Offsets just after each certain sentence end."""
    for match in _END.finditer(text):
        if _ends_here(text, match):
            yield match.end()


def _ends_here(text: str, match: re.Match[str]) -> bool:
    at = match.start()
    if text[at] != ".":
        return True
    following = text[match.end() :]
    following = (_MARKER.sub("", following) if "[" in following else following).lstrip()
    if following[:1].islower() or following[:1] in {",", ";", ":"}:
        return False
    before = _word_before(text, at)
    word = before.lower()
    if word in _MAY_END:
        first = _FIRST_WORD.match(following)
        return not following or (first is not None and first.group(1).lower() in _STARTERS)
    if word in _ABBREVIATIONS or (len(word) == 1 and before.isupper()):
        return not following
    # A number or letter alone at a line's start ("8.", "(a).", "8.2.") numbers what follows.
    return not _NUMBERS_A_LINE.fullmatch(text[text.rfind("\n", 0, at) + 1 : at].strip())


def _word_before(text: str, at: int) -> str:
    """The letters before a place, with the points between them: `U.S` before the last point of "U.S."."""
    before = text[:at].removesuffix("\n")
    word = before[len(before.rstrip(ascii_letters + ".")) :].lstrip(".")
    return "" if word.endswith(".") else word


def _reply_end(text: str, *, final: bool = False) -> int | None:
    """Offset after the first sentence and the markers behind it; None while that is uncertain."""
    lead = len(text) - len(text.lstrip())
    for position in sorted({*_ends(text), *(match.start() for match in _ROW_BREAK.finditer(text, lead))}):
        # A line that breaks inside a sentence is no end: small models copy the page's own line breaks.
        if position <= lead or (_WRAP.match(text, position) and not _ENDED.search(text[:position])):
            continue
        end = position
        while marker := _MARKER.match(text, end):
            end = marker.end()
        # A sentence may put its point behind its markers: "... ninety days [1]." is one sentence.
        rest = text[end:]
        if not final and (not rest.strip() or re.match(r"\s*\[[\d,;\s\u2013-]*$", rest)):
            return None
        if text[lead:end].strip():
            return end
    return None


def _marked(text: str, *, ended: bool = True) -> list[MarkedSentence]:
    numbers: list[int] = []
    for match in _MARKER.finditer(text):
        numbers += _numbers(match.group(1))
    words = _LIST_MARK.sub("", _MARKER.sub("", text)).strip()
    if not any(letter.isalnum() for letter in words):
        return []
    said = without_lead_in(re.sub(r"\s+", " ", words))
    return [MarkedSentence(said, tuple(dict.fromkeys(numbers)), ended)]


def _numbers(listed: str) -> list[int]:
    numbers: list[int] = []
    for part in re.split(r"\s*[,;]\s*", listed):
        first, *last = re.split(r"\s*[\u2013-]\s*", part)
        numbers += range(int(first), int(last[0]) + 1) if last else [int(first)]
    return numbers
