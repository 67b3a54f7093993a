"""Words without their endings, as checks and cards compare them; indexes hold what `storage.terms` makes."""

from __future__ import annotations

from functools import lru_cache

_ENDINGS = (
    ("ations", "ate"), ("ation", "ate"), ("ements", "e"), ("ement", "e"), ("ments", ""), ("ment", ""),
    ("ings", ""), ("ing", ""), ("ies", "y"), ("ied", "y"), ("sses", "ss"), ("ness", ""), ("ed", ""),
    ("ly", ""), ("es", ""), ("s", ""),
)  # fmt: skip
_BY_LAST = {last: tuple(one for one in _ENDINGS if one[0][-1] == last) for last in "dgnsty"}


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A word without its common ending: `terminated`, `terminates`, `termination` meet."""
    word = word.lower().replace("\u2019", "'").removesuffix("'s").removesuffix("'")
    for ending, instead in _BY_LAST.get(word[-1:], ()):
        if word.endswith(ending) and not word.endswith("ss") and len(word) - len(ending) >= 3:
            word = word[: -len(ending)] + instead
            break
    # A doubled last consonant and a silent e come from the ending: `committed`, `commits`, `terminate`.
    if len(word) > 4 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word
