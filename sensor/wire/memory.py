"""Have the C library give back to the system what a process frees: one that runs for months frees a lot each commit.

glibc keeps a heap for each thread, and raises the size from which it asks the system for memory of its own with each
large block that is freed, so that blocks between those that stay keep whole heaps (mallopt(3), "M_MMAP_THRESHOLD").
Both are fixed here, at what glibc has at first and at two heaps. Does nothing where there is another C library.
"""

import contextlib
import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters' numbers in glibc's malloc.h."""
TRIM_BYTES = 128 << 10
MMAP_BYTES = 1 << 20
"""Columns of a site are larger; what a tick takes for a moment is smaller, and stays in the heap."""
ARENAS = 2
"""The core's and one for all readers, sinks and listeners together."""


def settle() -> None:
    """Set them, for the whole process; before its threads start."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        for parameter, value in ((_ARENA_MAX, ARENAS), (_MMAP_THRESHOLD, MMAP_BYTES), (_TRIM_THRESHOLD, TRIM_BYTES)):
            library.mallopt(parameter, value)


def trim() -> None:
    """Give back whole pages that are free now."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
