"""How much of what names a person or an account is found, on marked passages.

`python -m benchmarks.redaction` prints it.

Each line of tests/data/redaction.txt is one passage with what must be found in it as {KIND:words}. A mark
counts as found when all its characters are covered, under whatever kind.
"""

import json
import re
from collections import Counter
from pathlib import Path

from engine.redaction import Redactor

MARKED = Path(__file__).parents[1] / "tests" / "data" / "redaction.txt"
_MARK = re.compile(r"\{([A-Z]+):([^}]*)\}")


def passages() -> list[tuple[str, list[tuple[int, int, str]]]]:
    """Each passage without its marks, and where they were."""
    found = []
    for line in MARKED.read_text(encoding="utf-8").splitlines():
        text, kind, spans = "", "", []
        for at, piece in enumerate(_MARK.split(line)):
            if at % 3 == 2:
                spans.append((len(text), len(text) + len(piece), kind))
            if at % 3 == 1:
                kind = piece
            else:
                text += piece
        found.append((text, spans))
    return found


def recall() -> dict[str, object]:
    """Found and all, by kind; the words that were missed; and how often something else was taken out."""
    found, marked, missed, beside = Counter(), Counter(), [], 0
    for text, spans in passages():
        covered = Redactor([text]).spans(text)
        hidden = {at for start, end in covered for at in range(start, end)}
        for start, end, kind in spans:
            whole = all(at in hidden or text[at].isspace() for at in range(start, end))
            marked[kind] += 1
            found[kind] += whole
            missed += [] if whole else [text[start:end]]
        beside += sum(not any(s < end and start < e for s, e, _ in spans) for start, end in covered)
    return {
        "passages": len(passages()),
        "by_kind": {kind: [found[kind], marked[kind]] for kind in marked},
        "missed": missed,
        "taken_out_beside": beside,
    }


if __name__ == "__main__":
    print(json.dumps(recall(), indent=2))
