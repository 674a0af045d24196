"""Call the one door to the parsers as kernels do, with a memory that lasts from call to call."""

import numpy as np

from baselines._jit import JIT_DISABLED, borrow, kernel
from sensor.model import metadata as m
from sensor.packets import reading

NAMES = ("end", "whole", "kind", "name", "name_bytes", "print", "print_bytes", "again")
AT = 7


@kernel()
def through(reader, mode, source, cap_end, wire_end, proto, port_a, port_b, arena, result):
    """Call it from a kernel."""
    reading.call_reader(
        reader, mode, borrow(source), 0, cap_end, wire_end, proto, port_a, port_b, borrow(arena), AT, borrow(result)
    )


class Door:
    """The door, and what it remembers."""

    def __init__(self):
        self.result = np.zeros(reading.R_COUNT, np.int64)
        self.arena = np.empty(0, np.uint8)

    def read(self, content, proto, *, ports=(40000, 40001), wire=None, mode=reading.READ, end=1, ts=0, known=0):
        """The words of the result by name, and the bytes written to the arena."""
        source = np.frombuffer(bytearray(content) or bytearray(1), np.uint8)
        self.arena = arena = np.full(m.META_MAX_BYTES + AT, 0xA5, np.uint8)
        result = self.result
        result[: reading.R_WORDS] = -9
        result[reading.R_END_ID], result[reading.R_TS], result[reading.R_KNOWN] = end, ts, known
        wire = len(content) if wire is None else wire
        reader = reading.read_payload if JIT_DISABLED else reading.read_payload.address
        through(reader, mode, source, len(content), wire, proto, *ports, arena, result)
        assert bytes([0xA5]) * AT == arena[:AT].tobytes()
        found = dict(zip(NAMES, result[: reading.R_WORDS].tolist(), strict=True))
        return found, arena[AT : max(AT, found["end"])].tobytes()

    def handed(self, content, proto, **options):
        """What is handed over: (kind, payload or None, how many like it)."""
        found, blob = self.read(content, proto, **options)
        fields = dict(m.fields(blob)) if found["kind"] >= m.K_QUIC else {}
        count = int.from_bytes(fields.get(m.F_COUNT, b"\1"), "little")
        return found["kind"], fields.get(m.F_PAYLOAD), count if m.F_PAYLOAD in fields else 0
