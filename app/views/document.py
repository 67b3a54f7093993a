"""One document: its pages as they look and as they were read, its versions, and what belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from app import listing, page_view, presenting, state, widgets
from app.boxes import as_version, page_of
from app.views import hidden_text
from engine.counting import count
from engine.verdicts import without_name
from storage.records import Attached, Document, Page, Scope, Version, VersionState

_OPEN = "open_document"
_PAGE = "open_page"
_VERSION = "open_version"
_TABLE_ROUND = "documents_round"


def open_document(document_id: str, *, page: int = 1, hidden: bool = False) -> None:
    """Go to a document, with its hidden text unfolded if asked; the page is drawn again."""
    _forget()
    st.session_state[_OPEN] = document_id
    st.session_state[_PAGE] = page
    st.session_state[hidden_text.UNFOLDED] = hidden
    st.rerun()


def close_document() -> None:
    """Go back to the list; the page is drawn again."""
    _forget()
    # A new key forgets the selected row, which would open the document again.
    st.session_state[_TABLE_ROUND] = table_round() + 1
    st.rerun()


def _forget() -> None:
    for key in (_OPEN, _PAGE, _VERSION, hidden_text.UNFOLDED):
        st.session_state.pop(key, None)


def opened(documents: Sequence[Document]) -> Document | None:
    """The document that is open, if it is one of these."""
    wanted = st.session_state.get(_OPEN)
    return next((one for one in documents if one.id == wanted), None)


def table_round() -> int:
    """Part of the key of the table of documents: it changes whenever a document is closed."""
    return int(st.session_state.get(_TABLE_ROUND, 0))


def show(scope: Scope, documents: Sequence[Document], document: Document, *, family: str | None) -> None:
    """The open document.

    Args:
        scope: its matter.
        documents: all of the matter's, for what belongs to this one.
        document: the one that is open.
        family: what it is nearly the same as, in words.
    """
    if st.button("All documents", key="close-document", icon=":material/arrow_back:"):
        close_document()
    facts = f"{listing.document_type(document)}, {presenting.size(document.size)}"
    read = (
        f"{listing.pages_read(document)} {listing.pages_word(document)} read" if document.page_count else ""
    )
    in_part = document.state is VersionState.LIVE and document.pages_read < document.page_count
    standing = "" if in_part else listing.document_state(document)
    line = ", ".join(part for part in (facts, read, standing) if part)
    widgets.heading(document.path, line)
    versions = listing.readable(state.services().library.versions(scope, document.id))
    shown = _version(scope, document, versions)
    look, beside = st.container(key="beside-document").columns([3, 2], gap="large")
    with look:
        if shown.page_count:
            _pages(scope, shown)
        else:
            problem = document.problem or f"{document.path} has not been read yet"
            widgets.empty("There is no page to show", problem)
    with beside:
        _facts(scope, shown, family=family)
        _belongings(scope, documents, document)
        _downloads(scope, shown)
        _delete(scope, document)


def _version(scope: Scope, document: Document, versions: Sequence[Version]) -> Document:
    """The document as the version that was chosen."""
    if len(versions) < 2:
        return document
    zone, ids = state.time_zone(), [one.id for one in versions]
    chosen = st.selectbox(
        count(len(versions), "version"),
        ids,
        index=ids.index(st.session_state[_VERSION]) if st.session_state.get(_VERSION) in ids else 0,
        format_func=lambda one: listing.version_name(versions, ids.index(one), zone),
        key=f"version-{document.id}",
    )
    st.session_state[_VERSION] = chosen
    index = ids.index(chosen)
    if versions[index].state is VersionState.SUPERSEDED:
        after = listing.replaced_at(versions, index, zone)
        words = "This version is not the one that is searched and cited"
        st.warning(f"{words}: it was replaced on {presenting.plain(after)}." if after else f"{words}.")
    return as_version(state.services(), scope, document, chosen)


def _pages(scope: Scope, document: Document) -> None:
    number = min(max(1, st.session_state.get(_PAGE, 1)), document.page_count)
    page = page_of(state.services(), scope, document, number)
    back, where, jump, forward = st.columns([2, 4, 2, 2], vertical_alignment="center")
    if back.button("Previous", disabled=number <= 1, width="stretch"):
        _turn_to(number - 1)
    where.html(
        f'<div class="m-num m-centred">{presenting.escaped(_place(document, page))}'
        f"<small>of {document.page_count:,}</small></div>"
    )
    if document.page_count > 1:
        wanted = jump.number_input(
            "Go to page",
            min_value=1,
            max_value=document.page_count,
            value=number,
            label_visibility="collapsed",
            key=f"jump-{document.version_id}-{number}",
        )
        if wanted != number:
            _turn_to(int(wanted))
    if forward.button("Next", disabled=number >= document.page_count, width="stretch"):
        _turn_to(number + 1)
    kind = "m-quiet m-doubt" if listing.is_doubtful(page) else "m-quiet"
    st.html(f'<div class="{kind}">{presenting.escaped(listing.how_sure(page))}</div>')
    page_view.both(scope, document, page)


def _place(document: Document, page: Page) -> str:
    name = listing.page_name(document, page.number, page.label)
    return name[:1].upper() + name[1:]


def _turn_to(number: int) -> None:
    st.session_state[_PAGE] = number
    st.rerun()


def _facts(scope: Scope, document: Document, *, family: str | None) -> None:
    zone, library = state.time_zone(), state.services().library
    rows = [
        ["Title", document.title or ""],
        ["How", listing.how_read(library.readers_of(scope, document.version_id))],
        ["Family", family or ""],
        ["Added", presenting.when(document.added_at, zone)],
        ["By", presenting.who(document.added_by, state.people())],
        ["SHA-256", document.sha256],
    ]
    rows += [["Remark", flag] for flag in document.flags]
    unread = listing.unread_lines(library.unread_pages(scope, document.version_id))
    rows += [["Not read", line] for line in unread]
    if document.problem:
        rows.append(["Problem", listing.reason_alone(document)])
    st.html(presenting.table_html(["", ""], [row for row in rows if row[1]]))
    hidden_text.panel(scope, document)


def _belongings(scope: Scope, documents: Sequence[Document], document: Document) -> None:
    """What it was found inside, and what was found inside it."""
    by_id: Mapping[str, Document] = {one.id: one for one in documents}
    parents = [by_id[one] for one in state.services().library.parents(scope, document.id) if one in by_id]
    if parents:
        st.html('<div class="m-group">Came with</div>')
        for one in parents:
            _go(one.path, one.id, f"parent-{one.id}")
    held = state.services().library.attached(scope, document.version_id)
    if held:
        st.html(f'<div class="m-group">{count(len(held), "file")} inside</div>')
        for number, inside in enumerate(held):
            _attached(document, inside, number)


def _attached(document: Document, inside: Attached, number: int) -> None:
    name = inside.name.removeprefix(f"{document.path}/")
    if inside.document_id is not None:
        _go(name, inside.document_id, f"inside-{number}")
        return
    problem = without_name(inside.name, inside.problem or "")
    st.html(
        f'<div class="m-trouble"><strong>{presenting.escaped(name)}</strong>'
        f"<span>{presenting.escaped(problem)}</span></div>"
    )


def _go(name: str, document_id: str, key: str) -> None:
    if st.button(presenting.plain(name), key=f"go-{key}", width="stretch"):
        open_document(document_id)


def _downloads(scope: Scope, document: Document) -> None:
    def address(what: str) -> str:
        return widgets.address_of(scope, "document", document.id, what, version=document.version_id)

    anchors = [widgets.link("Download the original", address("original"), download=True)]
    if document.has_rendition:
        anchors.append(widgets.link("Download as PDF", address("rendition"), download=True))
    widgets.links(*anchors)


def _delete(scope: Scope, document: Document) -> None:
    with st.popover("Delete this document"):
        st.markdown(
            "The document, its pages and everything found in it leave this matter. "
            "Answers and summaries that quote it stay as they are. This cannot be undone."
        )
        if st.button("Delete it for good", key=f"delete-{document.id}"):
            with st.spinner(f"Deleting {presenting.plain(document.path)} …"):
                state.services().rooms.delete_document(scope, document.id)
            close_document()
