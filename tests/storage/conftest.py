"""A matter, and small documents to put into it."""

import numpy as np
import pytest

from storage.ids import content_id
from storage.records import Chunk, Page, ReadBy, Scope, Span


@pytest.fixture
def scope(library, actor):
    return Scope(library.create_matter("Northgate lease", actor), actor)


@pytest.fixture
def file_with(tmp_path):
    """A function that writes text to a new file."""

    def write(text):
        path = tmp_path / f"upload-{content_id('file', text)}"
        path.write_text(text)
        return path

    return write


def unit(seed, dimensions=8):
    """A unit vector that depends on the seed alone."""
    vector = np.random.default_rng(seed).normal(size=dimensions).astype(np.float32)
    return vector / np.linalg.norm(vector)


def chunk_of(document_id, version_id, text, *, ordinal=0, page=1):
    return Chunk(
        id=content_id("chunk", version_id, str(ordinal)),
        document_id=document_id,
        version_id=version_id,
        ordinal=ordinal,
        span=Span(page, 0, len(text)),
        heading_path=("Term",),
        text=text,
        context="lease",
    )


@pytest.fixture
def load(library, scope, file_with):
    """A function that takes one text through every state to live, as one page and one chunk."""

    def run(path, text, *, into=scope):
        got = library.receive(into, path=path, data=file_with(text), media_type="text/plain")
        library.save_pages(into, got.version_id, [Page(1, text, ReadBy.TEXT, 1.0)], title=None)
        chunk = chunk_of(got.document_id, got.version_id, text)
        library.save_chunks(into, got.version_id, [chunk], np.stack([unit(len(text))]))
        library.mark_indexed(into, got.version_id)
        library.make_live(into, got.version_id)
        return got

    return run
