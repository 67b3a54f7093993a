"""Threads share heaps."""

import platform
import subprocess
import sys

import pytest

_COUNT = """
import ctypes, os, sys, threading
from storage.allocator import share_heaps

share_heaps()
threads = 8 * (os.cpu_count() or 1)
together = threading.Barrier(threads)

def allocate():
    together.wait()
    for size in range(1_000, 3_000):
        bytes(size)
    together.wait()

for thread in (running := [threading.Thread(target=allocate) for _ in range(threads)]):
    thread.start()
for thread in running:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
told = libc.fopen(sys.argv[1].encode(), b"w")
libc.malloc_info(0, ctypes.c_void_p(told))
libc.fclose(ctypes.c_void_p(told))
print(os.cpu_count() or 1)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library than GNU's")
def test_there_are_no_more_heaps_than_cores_however_many_threads_there_are(tmp_path):
    told = tmp_path / "heaps.xml"

    cores = int(subprocess.run([sys.executable, "-c", _COUNT, told], capture_output=True, check=True).stdout)

    assert 1 <= told.read_text().count("<heap ") <= cores
