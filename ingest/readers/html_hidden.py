"""Which elements of HTML a browser would not show, and why.

Inline styles, attributes and the plain rules of the file's own style sheets (`.class`, `#id` or a tag,
outside of `@media`) are looked at; no other style sheet is ever fetched. `aria-hidden` hides nothing from the
eye.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from lxml import etree

_MEDIA = re.compile(r"@[a-z-]+[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}", re.I)
_COMMENT = re.compile(r"/\*.*?\*/", re.S)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_PLAIN_SELECTOR = re.compile(r"[a-z][a-z0-9]*|(?:[a-z][a-z0-9]*)?[.#][A-Za-z_][\w-]*", re.I)
_NOTHING = re.compile(r"0*(?:\.0+)?%?(?<=[0%])")
_TINY = re.compile(r"0*(?:\.0+)?(?:px|pt|em|rem|%|ex|ch)?|0?\.\d+(?:px|pt)|1(?:\.0+)?(?:px|pt)")
_OFFSETS = ("left", "top", "text-indent", "margin-left")
_FAR_AWAY = re.compile(r"-\d{3,}(?:\.\d+)?(?:px|pt|em|rem|%)?")
_WHITE = frozenset(
    ("white", "#fff", "#ffffff", "#fffffff", "rgb(255,255,255)", "rgba(255,255,255,1)", "snow")
)
_MAX_SHEET = 1 << 20
_NO_STYLE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Look:
    """How the text of an element is drawn: what it inherits, and changes."""

    no_size: bool = False
    visible: bool = True
    colour: str = ""
    """Empty for the usual one."""
    behind: str = "white"

    @property
    def why(self) -> str | None:
        """How text of this look hides, or None."""
        if self.no_size:
            return "text of no size"
        if not self.visible:
            return "visibility: hidden"
        if self.colour == "transparent":
            return "transparent text"
        if self.colour in _WHITE and self.behind in _WHITE:
            return "white on white"
        return "in the colour of its background" if self.colour and self.colour == self.behind else None


class Concealment:
    """The rules of one document."""

    def __init__(self, root: etree._Element) -> None:
        self._sheet = _rules("\n".join("".join(one.itertext()) for one in root.iter("style")))

    def style(self, element: etree._Element) -> Mapping[str, str]:
        """The declarations that hold for an element, what it inherits left aside."""
        inline = element.get("style")
        if not self._sheet:
            return _declarations(inline) if inline else _NO_STYLE
        found: dict[str, str] = {}
        for selector in _selectors(element):
            found.update(self._sheet.get(selector, _NO_STYLE))
        if inline:
            found.update(_declarations(inline))
        return found


def hidden_because(element: etree._Element, style: Mapping[str, str]) -> str | None:
    """How an element hides with all that it holds, or None."""
    if element.tag in ("ix:header", "ix:hidden"):
        return "data of an inline XBRL filing that is not shown"
    if element.get("hidden") is not None and element.tag != "input":
        return "hidden element"
    if style.get("display") == "none":
        filing = element.find("{*}header") is not None or any(one.tag == "ix:header" for one in element)
        return "data of an inline XBRL filing that is not shown" if filing else "display: none"
    if _NOTHING.fullmatch(style.get("opacity", "")):
        return "fully transparent"
    if any(_FAR_AWAY.fullmatch(style.get(one, "")) for one in _OFFSETS):
        return "off the page"
    return None


def look_of(element: etree._Element, style: Mapping[str, str], around: Look) -> Look:
    """How an element's own text is drawn, given the look of what it stands in."""
    attribute = element.get("color" if element.tag == "font" else "text", "").lower()
    behind = style.get("background-color") or style.get("background") or element.get("bgcolor", "").lower()
    picture = element.get("background")
    if not (style or attribute or behind or picture):
        return around
    if behind in ("transparent", "none", "inherit"):
        behind = ""
    visibility = style.get("visibility")
    return Look(
        no_size=_is_tiny(style.get("font-size"), around),
        visible=visibility not in ("hidden", "collapse") if visibility else around.visible,
        colour=style.get("color") or attribute or around.colour,
        behind=behind or ("a picture" if picture else around.behind),
    )


def _is_tiny(size: str | None, around: Look) -> bool:
    # A size relative to nothing stays nothing.
    if not size or (around.no_size and size.endswith(("em", "%")) and not size.endswith("rem")):
        return around.no_size
    return bool(_TINY.fullmatch(size))


def _selectors(element: etree._Element) -> list[str]:
    tag = str(element.tag).lower()
    classes = element.get("class", "").split()
    named = [f"#{element.get('id')}"] if element.get("id") else []
    return [tag, *(f".{one}" for one in classes), *(f"{tag}.{one}" for one in classes), *named]


def _rules(sheet: str) -> dict[str, dict[str, str]]:
    """The declarations of plain selectors; what holds for some screens only is left out."""
    found: dict[str, dict[str, str]] = {}
    plain = _MEDIA.sub("", _COMMENT.sub("", sheet[:_MAX_SHEET]))
    for selectors, body in _RULE.findall(plain):
        declared = _declarations(body)
        for selector in selectors.split(","):
            if _PLAIN_SELECTOR.fullmatch(selector.strip()):
                found.setdefault(_lowered(selector.strip()), {}).update(declared)
    return found


def _lowered(selector: str) -> str:
    """A selector with its tag in small letters; classes and ids keep theirs."""
    found = re.match(r"[A-Za-z0-9]*", selector)
    tag = found[0] if found else ""
    return tag.lower() + selector[len(tag) :]


@lru_cache(maxsize=4096)
def _declarations(body: str) -> Mapping[str, str]:
    found = {}
    for part in body.split(";"):
        name, _, value = part.partition(":")
        found[name.strip().lower()] = value.replace("!important", "").strip().lower().replace(", ", ",")
    return found
