"""What processes take: memory as a container counts it, and processor time. Linux only: it reads /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class Watch:
    """Looks at a process and its descendants ten times a second as long as the context lasts; sizes in bytes.

    A Cloud Function's disk is its memory, so files without a name count, which is what a spool is.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.peak = self.peak_spool = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            spool = sum(map(_deleted_files, family(self._pid)))
            self.peak_spool = max(self.peak_spool, spool)
            self.peak = max(self.peak, memory(self._pid) + spool)


def family(pid: int) -> list[int]:
    """A process and its descendants that are alive."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in family(int(child)))]


def memory(pid: int) -> int:
    """Bytes that a process and its descendants would take alone in a container.

    Pages that they share count once. What they map of files (programs, libraries) counts in full, although other
    processes of this machine may share it.
    """
    members = family(pid)
    own = sum(_kilobytes(member, "smaps_rollup", "Pss_Anon:") for member in members)
    mapped = max((_kilobytes(member, "status", "RssFile:") for member in members), default=0)
    return (own + mapped) * 1024


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and its descendants so far, those that have ended included."""
    return sum(map(_ticks, family(pid))) / _TICKS


def _kilobytes(pid: int, file: str, label: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has just ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(label)), 0)


def _ticks(pid: int) -> int:
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, words[11:15]))  # its own and its ended children's, in user and in system mode


def _deleted_files(pid: int) -> int:
    """Bytes in open files that have no name."""
    total = 0
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            status = link.stat()
        except OSError:
            continue
        total += status.st_size if status.st_nlink == 0 else 0
    return total
