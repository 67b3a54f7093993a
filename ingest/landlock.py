"""Landlock: this process and all that it starts may change no file but under some folders (Linux 5.13 on).

Reading is not restricted. From Linux 6.7 TCP is refused too, from 6.12 also signals and abstract sockets to
processes outside, and at any version looking into the memory of processes outside.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Sequence
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_ASKED = 1
_PATH_BENEATH = 1

_WRITE_FILE = 1 << 1
_MAKE_SOCKET = 1 << 9
_TRUNCATE = 1 << 14
_RIGHTS = {
    # Write, remove, make of each kind.
    1: sum(1 << bit for bit in (1, *range(4, 13))),
    2: 1 << 13,  # move between folders
    3: _TRUNCATE,
    5: 1 << 15,  # commands to devices
}
"""Rights by the version that brought them."""
_NET_VERSION, _NET_RIGHTS = 4, 0b11
_SCOPE_VERSION, _SCOPES = 6, 0b11
_OF_FILES = _WRITE_FILE | _TRUNCATE


def version() -> int:
    """What the kernel offers; 0 for nothing."""
    try:
        return max(0, _call(_CREATE_RULESET, None, 0, _VERSION_ASKED))
    except OSError:
        return 0


def restrict(writable: Sequence[Path] = (), *, sockets: Sequence[Path] = ()) -> None:
    """Restrict this thread, and what it starts from now on; needs `no_new_privs`.

    In the folders of `sockets` only sockets of this machine may be made, and not removed again.

    Raises:
        OSError: this kernel does not offer it, or a folder is not there.
    """
    offered = version()
    rights = sum(right for since, right in _RIGHTS.items() if since <= offered)
    net = _NET_RIGHTS if offered >= _NET_VERSION else 0
    scopes = _SCOPES if offered >= _SCOPE_VERSION else 0
    size = 24 if scopes else 16 if net else 8
    ruleset = _call(_CREATE_RULESET, struct.pack("=QQQ", rights, net, scopes)[:size], size, 0)
    try:
        for folder in writable:
            _allow(ruleset, folder, rights)
        for folder in sockets:
            _allow(ruleset, folder, _MAKE_SOCKET)
        _allow(ruleset, Path(os.devnull), rights & _OF_FILES)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: int) -> None:
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, opened), 0)
    finally:
        os.close(opened)


def _call(number: int, *arguments: bytes | int | None) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    converted = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    result = int(library.syscall(ctypes.c_long(number), *converted))
    if result < 0:
        found = ctypes.get_errno()
        raise OSError(found, os.strerror(found))
    return result
