"""Old and foreign documents become a PDF, through the LibreOffice that the machine has.

Each file gets a profile of its own inside the caller's workspace: macros off, no link followed, no network
where the kernel allows that to be forbidden (`ingest.sandbox`). Hidden text of such a file is not printed, so
it is neither read nor told.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import olefile

from ingest import media, sandbox
from ingest.errors import PasswordNeeded, UnreadableSource
from ingest.limits import MEBIBYTE, IngestLimits
from ingest.saved_fields import copy_with_saved_dates

_PROGRAMS = ("soffice", "libreoffice")
_USUAL_PLACES = (
    "/usr/lib/libreoffice/program",
    "/usr/lib64/libreoffice/program",
    "/opt/libreoffice/program",
    "/Applications/LibreOffice.app/Contents/MacOS",
    "C:\\Program Files\\LibreOffice\\program",
)
_SUFFIXES = {
    media.DOC: ".doc",
    media.RTF: ".rtf",
    media.ODT: ".odt",
    media.PPT: ".ppt",
    media.ODP: ".odp",
    media.WPD: ".wpd",
}
_MEMORY_FACTOR = 2
"""LibreOffice maps far more than it uses; twice what a reader may have is enough for it to start."""
_STARTS = 2
"""A new profile ends the first start at once, in some versions; the second one finds it made."""
_OPTIONS = ("--headless", "--norestore", "--nolockcheck", "--nodefault", "--nofirststartwizard")
_SETTING = (
    '<item oor:path="/org.openoffice.Office.Common/{path}"><prop oor:name="{name}" oor:op="fuse">'
    "<value>{value}</value></prop></item>"
)
_SETTINGS = (
    ("Security/Scripting", "MacroSecurityLevel", "3"),
    ("Security/Scripting", "DisableMacrosExecution", "true"),
    ("Security/Scripting", "DisableActiveContent", "true"),
    ("Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Misc", "UseSystemFileDialog", "false"),
)
_PROFILE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<oor:items xmlns:oor="http://openoffice.org/2001/registry" '
    'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
    "{items}</oor:items>"
)
_OPEN_DOCUMENT_OBJECT = re.compile(r"Object \d+")
"""A folder of such a name is a chart or a formula, which is printed."""
_WORD_FLAGS_AT = 10
_WORD_IS_ENCRYPTED = 0x0100


def office_program() -> Path | None:
    """The LibreOffice of this machine, or None."""
    for name in _PROGRAMS:
        found = shutil.which(name) or shutil.which(name, path=":".join(_USUAL_PLACES[:-1]))
        if found:
            return Path(found)
    windows = Path(_USUAL_PLACES[-1]) / "soffice.exe"
    return windows if windows.is_file() else None


def convert_to_pdf(path: Path, media_type: str, *, workspace: Path, limits: IngestLimits) -> Path:
    """A PDF of a document, inside `workspace`, which the caller removes.

    Raises:
        PasswordNeeded: the document is encrypted.
        UnreadableSource: LibreOffice is missing, or could not open the document. The messages have no name
            of the file in front: the caller knows it.
    """
    if media_type == media.DOC and _is_encrypted(path):
        raise PasswordNeeded("is protected with a password; save it without one as .docx or PDF")
    program = office_program()
    if program is None:
        raise UnreadableSource(
            "needs LibreOffice on this machine, which is not installed; ask the administrator "
            "or save it as .docx or PDF"
        )
    suffix = _SUFFIXES[media_type]
    folder = workspace / "conversion"
    (folder / "profile" / "user").mkdir(parents=True)
    items = "".join(_SETTING.format(path=at, name=name, value=value) for at, name, value in _SETTINGS)
    settings = folder / "profile" / "user" / "registrymodifications.xcu"
    settings.write_text(_PROFILE.format(items=items), encoding="utf-8")
    # Under a name of ours: the program tells kinds apart by suffix too, and sees nothing of the original's.
    copy_with_saved_dates(path, folder / f"document{suffix}", media_type)
    target = folder / "document.pdf"
    command = [
        str(program),
        *_OPTIONS,
        f"-env:UserInstallation={(folder / 'profile').resolve().as_uri()}",
        *("--convert-to", "pdf", "--outdir", str(folder), str(folder / f"document{suffix}")),
    ]
    for _ in range(_STARTS):
        if not target.exists():
            _run(command, folder, limits)
    if not target.exists() or target.stat().st_size == 0:
        raise UnreadableSource(
            "could not be opened by LibreOffice: damaged, or with a password; save it again as .docx or PDF"
        )
    return target


def told_of(path: Path, media_type: str) -> tuple[str, ...]:
    """What a person should know of a document that its PDF does not tell."""
    try:
        if media_type in (media.ODT, media.ODP):
            with zipfile.ZipFile(path) as archive:
                count = sum(1 for name in archive.namelist() if _OPEN_DOCUMENT_OBJECT.fullmatch(name))
        elif media_type == media.DOC and olefile.isOleFile(str(path)):
            with olefile.OleFileIO(str(path)) as opened:
                folders = opened.listdir(streams=False, storages=True)
            count = sum(1 for one in folders if len(one) == 2 and one[0] == "ObjectPool")
        else:
            count = 0
    except (OSError, ValueError, IndexError, TypeError, AttributeError, zipfile.BadZipFile):
        # A damaged file that could be converted all the same.
        return ()
    if not count:
        return ()
    objects = "1 embedded object" if count == 1 else f"{count} embedded objects"
    return (f"holds {objects}: what it shows of them was read, files inside them were not; save it as .docx",)


def _run(command: list[str], folder: Path, limits: IngestLimits) -> None:
    try:
        sandbox.run(
            command,
            timeout_s=limits.seconds_per_file,
            memory_bytes=max(limits.memory_bytes * _MEMORY_FACTOR, 1_024 * MEBIBYTE),
            writable=[folder],
            # Its instances find each other there, whatever they are told.
            sockets=[Path("/tmp")] if sys.platform.startswith("linux") else [],  # noqa: S108 - fixed in it
            file_bytes=limits.max_file_bytes * _MEMORY_FACTOR,
            environment={
                "PATH": "/usr/bin:/bin",
                "HOME": str(folder),
                "TMPDIR": str(folder),
                "LANG": "C.UTF-8",
                "SAL_USE_VCLPLUGIN": "svp",
            },
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableSource("took too long to convert; save it as .docx or PDF") from error
    except OSError as error:
        reason = error.strerror or "it cannot be started"
        raise UnreadableSource(f"could not be converted ({reason}); save it as .docx or PDF") from error


def _is_encrypted(path: Path) -> bool:
    try:
        with olefile.OleFileIO(str(path)) as opened, opened.openstream("WordDocument") as stream:
            stream.seek(_WORD_FLAGS_AT)
            return bool(int.from_bytes(stream.read(2), "little") & _WORD_IS_ENCRYPTED)
    except (OSError, ValueError, IndexError, TypeError, AttributeError):
        # Not such a file, or a damaged one: LibreOffice will say so.
        return False
