"""How much memory the process holds on to."""

from __future__ import annotations

import contextlib
import ctypes

_M_ARENA_MAX = -8  # mallopt(3)
_ARENAS = 2


def share_arenas() -> None:
    """Let all threads take memory from two of the C library's arenas, instead of up to eight a processor.

    Pages of orders pass through a dozen threads, and each arena keeps what its threads have freed: they kept a sixth
    of the memory of a large call. To be called before there are threads. Another C library than glibc is left as it is.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _ARENAS)
