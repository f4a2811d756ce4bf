"""The deployed functions keep little of the memory that they have freed."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local_stack.processes import ROOT

# Counts the C library's arenas once so many threads have taken memory from it at the same moment.
COUNT = """
import ctypes, threading, sys
{first}
together = threading.Barrier(12)
def take():
    together.wait()
    block = bytearray(100_000)
    together.wait()
threads = [threading.Thread(target=take) for _ in range(12)]
for thread in threads: thread.start()
for thread in threads: thread.join()
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(library.fopen(sys.argv[1].encode(), b"w"))
library.malloc_info(0, file)
library.fclose(file)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="arenas are glibc's")
def test_its_threads_share_two_arenas(tmp_path: Path) -> None:
    def arenas(first: str) -> int:
        file = tmp_path / "info.xml"
        subprocess.run([sys.executable, "-c", COUNT.format(first=first), str(file)], cwd=ROOT, check=True)
        return len(re.findall(r"<heap nr=", file.read_text()))

    assert arenas("import main") <= 2
    assert arenas("pass") > 2, "without main.py there are more, or this would show nothing"
