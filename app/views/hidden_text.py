"""What hides in a document, page by page with the reason, and the choice to let it in or leave it out."""

from __future__ import annotations

import unicodedata

import streamlit as st

from app import listing, presenting, state, widgets
from engine.counting import count
from storage.records import Document, Scope, Version, VersionState

UNFOLDED = "hidden_text_unfolded"
"""Where the session says that the panel stands open."""


def panel(scope: Scope, document: Document) -> None:
    """The hidden text of a document's version; nothing where nothing hides."""
    library = state.services().library
    pages = library.hidden_pages(scope, document.version_id)
    if not pages:
        return
    shown = next(one for one in library.versions(scope, document.id) if one.id == document.version_id)
    rows = [
        [listing.page_name(document, page.number, page.label), one.why, visible(one.text)]
        for page in pages
        for one in page.hidden
    ]
    standing = "part of the document" if shown.with_hidden else "left out"
    title = f"Hidden text on {count(len(pages), 'page')}: {standing}"
    with st.expander(title, expanded=bool(st.session_state.get(UNFOLDED))):
        st.html(presenting.table_html(["Where", "How it hides", "What it says"], rows))
        if document.state is VersionState.LIVE:
            _choice(scope, document, shown)


def _choice(scope: Scope, document: Document, shown: Version) -> None:
    if any(one.payload.get("reread") == document.id for one in widgets.open_jobs(scope)):
        st.html('<div class="m-quiet">The document is being read again.</div>')
        return
    if shown.with_hidden:
        st.html('<div class="m-quiet">It was accepted: it is searched, and answers may rest on it.</div>')
        if st.button("Leave it out", key=f"leave-out-{document.id}"):
            _decide(scope, document, accept=False)
        return
    st.html(
        '<div class="m-quiet">It is not searched and no answer rests on it. '
        "Whoever accepts it is recorded.</div>"
    )
    if st.button("Accept it as part of the document", key=f"accept-{document.id}"):
        _decide(scope, document, accept=True)
    if st.button("Leave it out", key=f"leave-out-{document.id}"):
        st.session_state.pop(UNFOLDED, None)
        st.rerun()


def _decide(scope: Scope, document: Document, *, accept: bool) -> None:
    state.services().jobs.submit_reread(scope, document.id, with_hidden=accept)
    st.rerun()


def visible(text: str) -> str:
    """Text in which characters that nobody sees are named: `<ZERO WIDTH SPACE>`."""
    return "".join(
        f"<{unicodedata.name(one, f'U+{ord(one):04X}')}>"
        if unicodedata.category(one) in ("Cf", "Cc", "Cn", "Co") and one not in "\n\t"
        else one
        for one in text
    )
