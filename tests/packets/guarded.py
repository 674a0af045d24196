"""Run the parsers between pages that may not be touched: `python -m tests.packets.guarded SEED`.

A read or write one byte outside the payload or the arena ends this process with a signal. numba's own bounds check
cannot see the parsers' loads, which go through bare pointers; the processor's does. Prints how many calls were made.
"""

import ctypes
import mmap
import random
import sys

import numpy as np

from sensor.model.metadata import META_MAX_BYTES
from sensor.packets.identify import find_ntlm, fingerprint, identify, main_name, parse
from tests.packets.samples import all_samples

PAGE = mmap.PAGESIZE
ROOM = 5 * PAGE
_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class Guarded:
    """Memory with a forbidden page on either side, from which arrays are cut at either end."""

    def __init__(self):
        self.map = mmap.mmap(-1, ROOM + 2 * PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        for page in (start, start + PAGE + ROOM):
            if _LIBC.mprotect(page, PAGE, 0):
                raise OSError(ctypes.get_errno(), "mprotect")
        self.memory = np.ctypeslib.as_array((ctypes.c_uint8 * ROOM).from_address(start + PAGE))

    def place(self, content, *, at_end):
        """Return an array of exactly these bytes that touches a forbidden page."""
        size = len(content)
        found = self.memory[ROOM - size :] if at_end else self.memory[:size]
        found[:] = np.frombuffer(content, np.uint8)
        return found


def attempt(payloads, arenas, kind, content, wire, proto):
    """Identify, search and read one payload at both ends of its memory."""
    for at_end in (False, True):
        buf = payloads.place(content, at_end=at_end)
        out = arenas.place(bytes(META_MAX_BYTES), at_end=at_end)
        size = len(content)
        for port in (53, 88):
            identify(buf, 0, size, wire, proto, port, 9, 1)
        find_ntlm(buf, 0, size)
        at, _, found = parse(kind, buf, 0, size, wire, 1, proto, out, 0)
        if at > 0:
            main_name(found, out, 0, at)
            fingerprint(found, out, 0, at)


def main(seed):
    """Try samples whole, at every length, damaged, and random bytes."""
    rng = random.Random(seed)
    payloads, arenas = Guarded(), Guarded()
    count = 0
    for kind, proto, content in all_samples():
        tries = [(content[:size], wire) for size in range(len(content) + 1) for wire in {size, len(content)}]
        for _ in range(400):
            damaged = bytearray(content)
            for _ in range(rng.randint(1, 8)):
                damaged[rng.randrange(min(len(damaged), rng.choice((16, 64, 9999))))] = rng.choice(
                    (0, 255, rng.randrange(256))
                )
            tries.append((bytes(damaged[: rng.choice((len(damaged), rng.randrange(len(damaged) + 1)))]), len(damaged)))
        for case, wire in tries:
            attempt(payloads, arenas, kind, case, wire, proto)
            count += 1
    for _ in range(4000):
        content = rng.randbytes(rng.randint(0, 60))
        attempt(payloads, arenas, rng.randint(0, 10), content, len(content) + rng.choice((0, 50)), rng.choice((6, 17)))
        count += 1
    sys.stdout.write(f"{count}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
