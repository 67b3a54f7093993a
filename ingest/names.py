"""Which names an uploaded file may have: the same rule for folders, archives and browsers."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

_MAX_NAME = 1_000
_DRIVE = re.compile(r"^[A-Za-z]:")
_JUNK_NAMES = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", ".localized"})
_JUNK_FOLDERS = frozenset({"__macosx", ".git", ".svn", "$recycle.bin", "system volume information"})


def name_problem(name: str) -> str | None:
    """Why a relative path with forward slashes must not be used, or None."""
    if not name or name != name.strip("\r\n"):
        return "has no usable name"
    if len(name) > _MAX_NAME:
        return f"has a name of more than {_MAX_NAME} characters"
    if any(unicodedata.category(one) in ("Cc", "Cs") for one in name):
        return "has control characters in its name"
    if name.startswith(("/", "\\")) or _DRIVE.match(name):
        return "has an absolute path for a name"
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or "." in parts or "" in parts:
        return "has a name that leads out of its folder"
    return None


def is_junk(name: str) -> bool:
    """True for what operating systems and Office leave behind: left out without a word.

    The list is fixed: `.DS_Store`, `Thumbs.db`, `ehthumbs.db`, `desktop.ini`, `.localized`, names that begin
    with `~$` or `._`, and what lies in `__MACOSX`, `.git`, `.svn`, `$RECYCLE.BIN` or
    `System Volume Information`.
    """
    *folders, last = PurePosixPath(name.replace("\\", "/").lower()).parts or ("",)
    return (
        last in _JUNK_NAMES or last.startswith(("~$", "._")) or any(one in _JUNK_FOLDERS for one in folders)
    )
