"""Put placeholders in place of names and numbers before a text leaves, and put them back in what returns.

The same words get the same placeholder in one question: `[PERSON_1]`; another form of the same name gets a
letter, `[PERSON_1B]`, so that a model still sees that it is one person. Putting back is exact: redacted and
restored, any text is what it was, one that has such placeholders in it from the start too. What is found at
all, and what is missed, is `engine.sensitive`'s matter. The list of who is behind a placeholder is in memory
only, for one question.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from engine.sensitive import Found, Kind, merged, sensitive, short_name, surname, titled

_PLACEHOLDER = re.compile(r"\[([A-Z]{2,8})_(\d{1,6})([A-Z]*)\]", re.IGNORECASE)
_BEGINNING = re.compile(r"\[(?:[A-Z]{1,8}(?:_(?:\d{1,6}[A-Z]{0,3})?)?)?\Z", re.IGNORECASE)
"""The end of a text that may be the beginning of a placeholder."""
_LITERAL = "TEXT"
"""For what looks like a placeholder in the original."""


class Redactor:
    """Placeholders for one question and its passages, made from all their texts before any is given out."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Looks for names in all the texts first: a surname is known where the full name stands elsewhere."""
        texts = list(texts)
        self._placeholders: dict[str, str] = {}
        self._originals: dict[str, str] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._forms: Counter[tuple[str, int]] = Counter()
        self._counted: Counter[str] = Counter()
        self._known: dict[str, tuple[Kind, str]] = {}
        """Words that stand for somebody, and for whom."""
        found = [(text[one.start : one.end], one.kind) for text in texts for one in sensitive(text)]
        self._full = _full_names(words for words, kind in found if kind is Kind.PERSON)
        for name, kind in found:
            self._learn(name, kind)
        words = sorted(self._known, key=len, reverse=True)
        self._again = re.compile(
            rf"(?<![^\W_])(?:{'|'.join(map(re.escape, words))})(?![^\W_])" if words else r"(?!)"
        )
        for text in texts:
            self.redact(text)

    def redact(self, text: str) -> str:
        """The text with placeholders."""
        told: list[str] = []
        end = 0
        for one in self._found(text):
            told += [text[end : one.start], self._placeholder(text[one.start : one.end], one.kind)]
            end = one.end
        return "".join([*told, text[end:]])

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the text would get placeholders."""
        return [(one.start, one.end) for one in self._found(text)]

    def restore(self, text: str) -> str:
        """The text with the words that the placeholders stand for; one that we did not make stays."""
        return _PLACEHOLDER.sub(lambda one: self._originals.get(one[0].upper(), one[0]), text)

    def counts(self, text: str) -> Mapping[str, int]:
        """How many of each kind a redacted text has placeholders for; forms of one name are one."""
        found = (one for one in _PLACEHOLDER.finditer(text) if one[0].upper() in self._originals)
        return Counter(kind for kind, _number in sorted({(one[1].lower(), int(one[2])) for one in found}))

    def stream(self) -> Restoring:
        """What restores a text that comes in pieces."""
        return Restoring(self)

    def _learn(self, words: str, kind: Kind) -> None:
        if kind is Kind.PERSON:
            names: tuple[str, ...] = (words, words.upper(), surname(words))
        elif kind is Kind.COMPANY:
            names = (words, short_name(words))
        else:
            names = (words, "")
        for name in filter(None, names):
            self._known.setdefault(name, (kind, self._whole(words, kind)))

    def _whole(self, words: str, kind: Kind) -> str:
        """What all forms of a name have in common."""
        whole = _folded(words)
        if kind is not Kind.PERSON:
            return whole
        title, name = titled(whole)
        if " " in name:
            return name
        # "Ms Whitfield" is Ms Joan Whitfield where there is no other Ms Whitfield. Mr Whitfield is not.
        full = self._full.get((title, name), set())
        return min(full) if len(full) == 1 else whole

    def _found(self, text: str) -> list[Found]:
        literal = [Found(*one.span(), Kind.ID) for one in _PLACEHOLDER.finditer(text)]
        again = [Found(*one.span(), self._known[one[0]][0]) for one in self._again.finditer(text)]
        return merged([*literal, *sensitive(text), *again])

    def _placeholder(self, words: str, kind: Kind) -> str:
        made = self._placeholders.get(words)
        if made is None:
            known, whole = self._known.get(words, (kind, words.casefold()))
            word = _LITERAL if _PLACEHOLDER.fullmatch(words) else known.value
            number = self._numbers.get((word, whole))
            if number is None:
                self._counted[word] += 1
                number = self._numbers[word, whole] = self._counted[word]
            form = self._forms[word, number]
            self._forms[word, number] += 1
            made = f"[{word}_{number}{_letters(form)}]"
            self._placeholders[words], self._originals[made] = made, words
        return made


class Restoring:
    """Restores a text whose placeholders may be cut through by the pieces that it comes in."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def feed(self, text: str) -> str:
        """More of the restored text; what may be a placeholder's beginning is held back."""
        text = self._held + text
        cut = _BEGINNING.search(text)
        at = cut.start() if cut else len(text)
        self._held = text[at:]
        return self._redactor.restore(text[:at])

    def finish(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return self._redactor.restore(held)


def _full_names(persons: Iterable[str]) -> dict[tuple[str, str], set[str]]:
    """By title and surname, the names with more than a surname."""
    found: dict[tuple[str, str], set[str]] = {}
    for title, name in map(titled, map(_folded, persons)):
        if title and " " in name:
            found.setdefault((title, name.rpartition(" ")[2]), set()).add(name)
    return found


def _folded(words: str) -> str:
    return " ".join(words.casefold().split())


def _letters(form: int) -> str:
    """Nothing for the first form, then B, C and so on; AB after Z."""
    if not form:
        return ""
    letters = ""
    number = form + 1
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
