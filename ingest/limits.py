"""How much of a machine one upload may take. Every limit that is hit is reported in words, never silently."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20
MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestLimits:
    """Upper bounds for files, archives and the process that reads them."""

    max_file_bytes: int = 200 * MEGABYTE
    max_pages: int = 5_000
    max_text_chars: int = 50_000_000
    """Characters of one file, all pages together."""
    seconds_per_page: float = 120
    """Longest silence of a reader before it counts as hung; a scan takes half a minute on a busy machine."""
    seconds_per_file: float = 900
    """Time a file may take in all, waiting for its reader alone."""
    seconds_earned_per_page: float = 60
    """Added for each page that came: a scan of hundreds of pages may take half a minute for each of them."""
    memory_bytes: int = 2_048 * MEBIBYTE
    """Address space of one reading process."""
    readers: int = 2
    """Files read at the same time, each in a process of its own."""
    reader_restarts: int = 20
    """How often one file may take its reader down before the rest of it is given up."""

    archive_members: int = 10_000
    archive_bytes: int = 2_048 * MEBIBYTE
    """Unpacked, all members of one archive and of those inside it."""
    archive_ratio: int = 200
    """Unpacked over packed, for a member that unpacks to more than a mebibyte."""
    archive_depth: int = 3
    """Archives inside archives, the outermost counted."""
