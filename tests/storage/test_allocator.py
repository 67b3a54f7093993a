"""Threads share heaps."""

import platform
import subprocess
import sys

import pytest

_COUNT = """
import ctypes, os, sys, threading
from storage.allocator import share_heaps

if sys.argv[2] == "shared":
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
def test_threads_share_as_many_heaps_as_there_are_cores_and_would_have_more_by_themselves(tmp_path):
    def heaps(how):
        told = tmp_path / f"{how}.xml"
        command = [sys.executable, "-c", _COUNT, told, how]
        cores = int(subprocess.run(command, capture_output=True, check=True).stdout)
        return told.read_text().count("<heap "), cores

    shared, cores = heaps("shared")
    alone, _ = heaps("alone")

    assert shared == cores
    assert alone > cores
