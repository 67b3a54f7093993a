"""Ask a set's questions in other forms, so that a search is not judged by the form they happen to have.

The questions of LegalBench-RAG all open with "Consider", the document's name and a semicolon. A question of
another build is left out: who names no document has nothing to move.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from engine.evaluation.questions import QuestionSet

_BUILD = re.compile(r"Consider (?P<name>[^;]+);\s*(?P<rest>.+)", re.DOTALL)
_QUOTED_OWNER = re.compile(r'"([^":]+)[^"]*"\'s')
_SECOND_PARTY = re.compile(r"(?<=\bbetween )(.+?),? and .*", re.DOTALL)
_OWNED = re.compile(r"(?<='s) .*", re.DOTALL)


def _name_last(name: str, rest: str) -> str:
    return f"{rest.rstrip(' ?.')} in {name}?"


def _short_name(name: str, rest: str) -> str:
    return f"Under {_shortened(name)}, {rest[:1].lower()}{rest[1:]}"


def _bare(name: str, rest: str) -> str:
    return f"{_shortened(name)} {rest}".lower().rstrip(" ?.").replace('"', "")


FORMS: Mapping[str, Callable[[str, str], str]] = MappingProxyType(
    {"name-last": _name_last, "short-name": _short_name, "bare": _bare}
)
"""The name at the end; one party, or the owner and no title; that in lower case, without any sign."""


def rephrased(whole: QuestionSet, form: str) -> QuestionSet:
    """The same questions in another form; those that name no document are left out."""
    questions = []
    for one in whole.questions:
        if match := _BUILD.fullmatch(one.text.strip()):
            text = FORMS[form](match["name"].strip(), match["rest"].strip())
            questions.append(replace(one, text=text))
    return replace(whole, questions=tuple(questions))


def _shortened(name: str) -> str:
    if quoted := _QUOTED_OWNER.match(name):
        return f"{quoted[1]}'s policy"
    if _SECOND_PARTY.search(name):
        return _SECOND_PARTY.sub(r"\1", name)
    return _OWNED.sub(" agreement", name)
