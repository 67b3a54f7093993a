"""The C library's allocator, told what suits this program. GNU's alone; others are left as they are."""

from __future__ import annotations

import ctypes
import os
import platform
from functools import cache

_M_PERTURB, _M_ARENA_MAX = -6, -8
"""As `malloc.h` numbers them."""
_PERTURB_BYTE = 0xA5


@cache
def share_heaps() -> None:
    """Have threads share as many heaps as there are cores; to be called before there are many threads.

    By itself each thread gets a heap of its own, up to eight a core: what one has freed no other takes, and
    an ingestion, whose threads hand everything on, holds much of what it needs twice.
    """
    _tell(_M_ARENA_MAX, os.cpu_count() or 1)


@cache
def blank_reused_memory() -> None:
    """Have memory overwritten when it is freed and given out again.

    hnswlib saves its arrays with the parts that it never filled: whatever this process held there before, a
    deleted document or another matter's text, would lie in the index file. Seen in about one rebuild of four.
    """
    _tell(_M_PERTURB, _PERTURB_BYTE)


def _tell(parameter: int, value: int) -> None:
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(parameter, value)
