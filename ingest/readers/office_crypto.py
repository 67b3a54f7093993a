"""Opens an Office file, with its password where it has one. Decrypted bytes stay in memory."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

from ingest.readers.base import NeedsPassword, ReadOptions, Unreadable

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BUILT_IN = ("VelvetSweatshop", "/01Hannes Ruescher/01")
"""Excel and PowerPoint lock a read-only file with these; whoever opens it is never asked."""


def open_office(path: Path, options: ReadOptions) -> BinaryIO:
    """The file as its program would see it once it is open: a zip package, or an old binary file.

    Raises:
        NeedsPassword: it is encrypted, and no password was given or not the right one.
        Unreadable: it is encrypted in a way that no password opens.
    """
    stream = path.open("rb")
    head = stream.read(len(_OLE))
    stream.seek(0)
    if head != _OLE:
        return stream
    with stream:
        plain = decrypted(stream, options.password)
    return plain if plain is not None else path.open("rb")


def decrypted(stream: BinaryIO, password: str | None) -> BinaryIO | None:
    """The plain file inside an encrypted one; None when it is not encrypted. Raises as `open_office` does."""
    import msoffcrypto
    import olefile
    from msoffcrypto import exceptions

    try:
        with olefile.OleFileIO(stream) as container:
            if container.exists("\x06DataSpaces/DataSpaceInfo/DRMEncryptedDataSpace"):
                raise Unreadable(
                    "is locked by rights management (IRM), which no password opens; save it without"
                )
        stream.seek(0)
        office = msoffcrypto.OfficeFile(stream)
        if not office.is_encrypted():
            return None
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001 - both raise anything on a container that is damaged or holds no such file
        return None
    for one in (password, *_BUILT_IN):
        if one is None:
            continue
        plain = io.BytesIO()
        try:
            office.load_key(password=one)
            office.decrypt(plain)
        except exceptions.InvalidKeyError:
            continue
        except Exception as error:  # as above
            raise Unreadable(
                "is encrypted in a way that we cannot open; save it without a password"
            ) from error
        plain.seek(0)
        return plain
    raise NeedsPassword(
        "is encrypted; give its password" if password is None else "is encrypted; that is not its password"
    )
