"""A page of a document on the screen: its picture where it has one, its text, and the passage that is cited.

Every look at a page is recorded, whichever way it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app import listing, page_text, presenting, state
from app.boxes import as_version, drawable, page_of
from app.opening import record_opening
from app.widgets import address_of, link, links, told
from storage.records import Document, Page, Scope


def both(scope: Scope, document: Document, page: Page) -> None:
    """A page as it looks and, behind a tab, its text; the text alone where nothing can be drawn."""
    record_opening(state.services(), scope, document, page=page.number)
    if page.problem:
        st.warning(presenting.plain(page.problem[:1].upper() + page.problem[1:]))
    if drawable(state.services(), scope, document) is None:
        text(document, page)
        return
    looks, reads = st.tabs(["As it looks", "As text"])
    with looks:
        picture(scope, document, page.number)
    with reads:
        text(document, page)


def picture(scope: Scope, document: Document, number: int, *, start: int = 0, end: int = 0) -> None:
    """A page as it looks, with the passage from `start` to `end` boxed where there is one."""
    span = {"start": start, "end": end} if end > start else {}
    address = _picture_address(scope, document, number, start=start, end=end)
    alt = presenting.escaped(f"Page {number} of {document.path}" + (", passage boxed" if span else ""))
    image = f'<img src="{presenting.escaped(address)}" alt="{alt}" data-page="{number}">'
    st.html(f'<div class="m-page">{image}</div>')


def text(document: Document, page: Page, *, start: int = 0, end: int = 0) -> None:
    """A page's text, with the passage marked where there is one; long texts a part at a time."""
    divided = page_text.parts(page.text)
    chosen = page_text.part_with(divided, start)
    if len(divided) > 1:
        chosen = st.selectbox(
            "Part of this page",
            range(len(divided)),
            index=chosen,
            format_func=lambda one: f"Part {one + 1} of {len(divided)}",
            key=f"part-{document.version_id}-{page.number}-{start}",
        )
    sheet = listing.is_sheet(document)
    words = page_text.text_html(page.text, divided[chosen], start=start, end=end, sheet=sheet)
    kind = "m-text-page m-sheet" if sheet else "m-text-page m-serif"
    nothing = "Nothing of this page is in its text." if page.hidden else "This page holds no text."
    st.html(f'<div class="{kind}">{words if page.text.strip() else nothing}</div>')


def cited_passage(
    scope: Scope, citation: Mapping[str, Any], *, close_key: str, label: str | None = None
) -> None:
    """The page that a citation is on with its passage boxed, under the quote itself."""
    where = f"[{citation['n']}] {presenting.cited_place(citation, label)}"
    title, close = st.columns([4, 1], vertical_alignment="center")
    title.html(f'<div class="m-where">{presenting.escaped(where)}</div>')
    if close.button("Close", key=f"close-{close_key}", width="stretch"):
        st.session_state.pop(close_key, None)
        st.rerun()
    st.html(f'<div class="m-quote m-serif">{presenting.escaped(citation["quote"].strip())}</div>')
    with told():
        document = state.services().library.document(scope, citation["document_id"])
        found = _cited(scope, document, citation)
        if found is None:
            st.warning("The document has been replaced since; the quote above is from a version before.")
            _shown(scope, document, page_of(state.services(), scope, document, citation["page"]), 0, 0)
            return
        if found[0].version_id != document.version_id:
            st.warning("The document has been replaced since; this is the version that was cited.")
        _shown(scope, *found, citation["start"], citation["end"])


def _cited(scope: Scope, document: Document, citation: Mapping[str, Any]) -> tuple[Document, Page] | None:
    """The version, the newest first, whose page holds the quote at its place."""
    services = state.services()
    for one in listing.readable(services.library.versions(scope, document.id)):
        as_cited = as_version(services, scope, document, one.id)
        if citation["page"] > as_cited.page_count:
            continue
        page = page_of(services, scope, as_cited, citation["page"])
        if page.text[citation["start"] : citation["end"]] == citation["quote"]:
            return as_cited, page
    return None


def _shown(scope: Scope, document: Document, page: Page, start: int, end: int) -> None:
    record_opening(state.services(), scope, document, page=page.number)
    if drawable(state.services(), scope, document) is None:
        text(document, page, start=start, end=end)
        return
    picture(scope, document, page.number, start=start, end=end)
    links(link("Enlarge", _picture_address(scope, document, page.number, start=start, end=end), new_tab=True))


def _picture_address(scope: Scope, document: Document, number: int, *, start: int, end: int) -> str:
    query: dict[str, str | int] = {"version": document.version_id}
    if end > start:
        query |= {"start": start, "end": end}
    return address_of(scope, "document", document.id, "page", f"{number}.png", **query)
