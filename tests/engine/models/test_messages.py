"""Every message with which a model is refused is explained where a person will look for it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MODELS = ROOT / "engine" / "models"
PAGES = (ROOT / "docs" / "gpt-oss.md", ROOT / "docs" / "operating.md")
HOLE = "…"
# The scripted model is for tests, and fails when it is told to.
FILES = [one for one in sorted(MODELS.glob("*.py")) if one.name != "scripted.py"]


def raised() -> frozenset[str]:
    """Names of our kinds of error, as the modules call them."""
    tree = ast.parse((ROOT / "storage" / "errors.py").read_text(encoding="utf-8"))
    ours = {one.name for one in tree.body if isinstance(one, ast.ClassDef)}
    for file in FILES:
        for one in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(one, ast.ClassDef) and any(getattr(base, "id", "") in ours for base in one.bases):
                ours.add(one.name)
    return frozenset(ours)


def words(node: ast.expr) -> str | None:
    """The text of a string, with a hole for each value in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else HOLE for one in node.values)
    return None


def strings(node: ast.AST) -> Iterator[str]:
    """The outermost strings below a node."""
    text = words(node) if isinstance(node, ast.expr) else None
    if text is not None:
        yield text
        return
    for one in ast.iter_child_nodes(node):
        yield from strings(one)


def messages(file: Path) -> set[str]:
    kinds, found = raised(), set()
    for one in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(one, ast.Call) and getattr(one.func, "id", "") in kinds and one.args:
            text = words(one.args[0])
            found |= {text} if text else set()
        if isinstance(one, ast.FunctionDef) and one.name in ("mxfp4_obstacle", "_too_late"):
            # What stands in the holes of such a message: a reason, and with it what to do.
            for back in ast.walk(one):
                if isinstance(back, ast.Return) and back.value is not None:
                    first = back.value.elts[0] if isinstance(back.value, ast.Tuple) else back.value
                    found |= set(strings(first))
    return found


def explained(page: Path) -> list[list[str]]:
    """The fixed words of each message in a page's tables, in their order."""
    found, inside = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("| message |"):
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|-"):
            cell = line[1:].partition(" | ")[0]
            for said in re.findall(r"`` (.+?) ``|`([^`]+)`", cell):
                parts = re.split(r"\.\.\.|\b(?:HOST|[NMKXY]|\d+)\b", said[0] or said[1])
                found.append([one.strip() for one in parts if len(one.strip()) > 2])
    return found


def fits(parts: list[str], text: str) -> bool:
    at = 0
    for one in parts:
        there = text.find(one, at)
        if there < 0:
            return False
        at = there + len(one)
    return bool(parts)


ROWS = [row for page in PAGES for row in explained(page)]


@pytest.mark.parametrize("file", [one for one in FILES if messages(one)], ids=lambda one: one.stem)
def test_every_message_of_the_models_is_explained(file: Path) -> None:
    missing = [text for text in sorted(messages(file)) if not any(fits(row, text) for row in ROWS)]
    assert missing == []


def test_no_message_is_explained_that_the_models_do_not_give() -> None:
    said = [text for file in FILES for text in strings(ast.parse(file.read_text(encoding="utf-8")))]
    rows = explained(PAGES[0])
    assert len(rows) > 60
    assert [row for row in rows if not any(fits(row, text) for text in said)] == []
