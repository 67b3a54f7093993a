"""A filter of system calls for processes that read hostile files (Linux, x86-64 and AArch64).

The kernel refuses what the filter names, for this process, all its threads and all that it starts; nothing
takes a filter off again. Two filters: a *reader* opens files for reading only and starts nothing; a
*converter* (an office program) may write and start processes, and what it writes is bounded elsewhere.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterator
from typing import TypeAlias

_Calls: TypeAlias = dict[str, tuple[int | None, int | None]]

_COLUMNS = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of the tables below, and the kernel's own name of the architecture."""
_X32 = 0x40000000
_FIRST_UNKNOWN = 450
"""Calls from here on are newer than this list; libraries fall back on older ones."""

_NETWORK: _Calls = {
    "bind": (49, 200),
    "connect": (42, 203),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    "socketpair": (53, 199),
    # Its own door to sockets and files, which no filter looks through.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}
_OTHERS: _Calls = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "kcmp": (312, 272),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "pidfd_send_signal": (424, 424),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "tkill": (200, 130),
    "setsid": (112, 157),
    "setpgid": (109, 154),
    "setrlimit": (160, 164),
}
_SYSTEM: _Calls = {
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "mount_setattr": (442, 442),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "fanotify_init": (300, 262),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "syslog": (103, 116),
    "iopl": (172, None),
    "ioperm": (173, None),
    "modify_ldt": (154, None),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "open_by_handle_at": (304, 265),
    "vhangup": (153, 58),
}
_STARTING: _Calls = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
}
_CHANGING: _Calls = {
    "creat": (85, None),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "truncate": (76, 45),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "chown": (92, None),
    "fchown": (93, 55),
    "lchown": (94, None),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "utimensat": (280, 88),
    "futimesat": (261, None),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}
# Those whose arguments decide.
_SOCKET = (41, 198)
_OPEN = (2, None)
_OPENAT = (257, 56)
_OPENAT2 = (437, 437)
_CLONE = (56, 220)
_CLONE3 = (435, 435)
_KILL = (62, 129)
_TGKILL = (234, 131)
_PRLIMIT = (302, 261)
_PRCTL = (157, 167)

_AF_UNIX = 1
_CLONE_THREAD = 0x10000
_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_SET_MODE_FILTER = 1
_ALL_THREADS_NO_SLOWDOWN = 1 | 4
_SECCOMP = {"x86_64": 317, "aarch64": 277}

# Classic BPF, as in linux/bpf_common.h and linux/seccomp.h.
_LOAD = 0x20
_EQUAL = 0x15
_AT_LEAST = 0x35
_ANY_BIT = 0x45
_RETURN = 0x06
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_ALLOW = 0x7FFF0000
_NUMBER_AT = 0
_ARCHITECTURE_AT = 4
_ARGUMENTS_AT = 16

Instruction: TypeAlias = tuple[int, int, int, int]


def program(machine: str, pid: int, *, converter: bool) -> list[Instruction]:
    """The filter for one kind of machine (`platform.machine()`) as BPF instructions.

    Raises:
        OSError: it is not written for that kind of machine.
    """
    if machine not in _COLUMNS:
        raise OSError(errno.ENOSYS, f"no filter is written for {machine}")
    column, architecture = _COLUMNS[machine]

    def refuse(calls: _Calls, number: int) -> Iterator[Instruction]:
        for columns in calls.values():
            if columns[column] is not None:
                yield (_EQUAL, 0, 1, columns[column] or 0)
                yield (_RETURN, 0, 0, _ERRNO | number)

    def when(columns: tuple[int | None, int | None], *rest: Instruction) -> list[Instruction]:
        """Instructions for one call alone; the last ones must return."""
        if columns[column] is None:
            return []
        return [(_EQUAL, 0, len(rest), columns[column] or 0), *rest]

    def argument(index: int, *, high: bool = False) -> Instruction:
        return (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * index + 4 * high)

    allow = (_RETURN, 0, 0, _ALLOW)
    denied, not_permitted, missing = (
        (_RETURN, 0, 0, _ERRNO | number) for number in (errno.EACCES, errno.EPERM, errno.ENOSYS)
    )
    built: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE_AT),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
        # Newer calls, and on x86-64 the second set of numbers for all of them.
        (_AT_LEAST, 0, 1, _FIRST_UNKNOWN),
        missing,
        *refuse(_OTHERS, errno.EPERM),
        *refuse(_SYSTEM, errno.EPERM),
        *when(
            _PRLIMIT,
            argument(2),
            (_EQUAL, 0, 2, 0),
            argument(2, high=True),
            (_EQUAL, 1, 0, 0),
            not_permitted,
            allow,
        ),
        *when(_PRCTL, argument(0), (_EQUAL, 0, 1, _PR_SET_PDEATHSIG), not_permitted, allow),
    ]
    if converter:
        io_uring = {name: columns for name, columns in _NETWORK.items() if name.startswith("io_uring")}
        built += [
            *refuse(io_uring, errno.EACCES),
            *when(_SOCKET, argument(0), (_EQUAL, 1, 0, _AF_UNIX), denied, allow),
        ]
    else:
        own = (argument(0), (_EQUAL, 1, 0, pid), not_permitted, allow)
        to_read = ((_ANY_BIT, 0, 1, _TO_WRITE), denied, allow)
        built += [
            *refuse(_NETWORK, errno.EACCES),
            *refuse({"socket": _SOCKET}, errno.EACCES),
            *refuse(_STARTING, errno.EPERM),
            *refuse(_CHANGING, errno.EACCES),
            *when(_OPEN, argument(1), *to_read),
            *when(_OPENAT, argument(2), *to_read),
            *when(_OPENAT2, missing),
            *when(_CLONE, argument(0), (_ANY_BIT, 1, 0, _CLONE_THREAD), not_permitted, allow),
            # Its flags lie in memory, where no filter sees them; the C library falls back on `clone`.
            *when(_CLONE3, missing),
            *when(_KILL, *own),
            *when(_TGKILL, *own),
        ]
    return [*built, allow]


def install(*, converter: bool) -> None:
    """Put this process, its threads and all that it starts under the filter; needs `no_new_privs`.

    Raises:
        OSError: this kernel or machine has no such filters.
    """
    machine = platform.machine()
    instructions = program(machine, os.getpid(), converter=converter)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in instructions))
    filled = struct.pack("@HP", len(instructions), ctypes.addressof(code))
    library = ctypes.CDLL(None, use_errno=True)
    call = ctypes.c_long(_SECCOMP[machine])
    if library.syscall(call, _SET_MODE_FILTER, _ALL_THREADS_NO_SLOWDOWN, filled) == 0:
        return
    # Older kernels, and profiles of containers, may know the first form only.
    if library.prctl(_PR_SET_SECCOMP, _MODE_FILTER, filled, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
