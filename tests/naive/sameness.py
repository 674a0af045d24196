"""What a payload says about its flow, as a tuple: equal tuples are the same saying. Written from the protocols."""

from sensor.model import metadata as m

MINUTE = 60_000_000_000


def saying(kind, data):
    """Return what tells a payload from others of its flow, None where each counts."""
    if kind == m.K_MODBUS:
        return tuple(modbus(data))
    if kind in (m.K_DNP3, m.K_DNP3_UDP):
        command = data[12:22] if len(data) > 12 and 2 <= data[12] <= 6 else data[12:13]
        return data[3:8], command
    if kind == m.K_S7:
        return s7(data)
    if kind in (m.K_ENIP, m.K_ENIP_UDP):
        return data[:2], data[8:12], cip(data)
    if kind == m.K_DCE_RPC:
        return data[20:24] if data[2] == 0 and len(data) >= 24 else None
    return data[2:512] if kind == m.K_NAME else None


def modbus(data):
    for _ in range(8):
        if len(data) < 9:
            return
        function = data[7]
        size = {5: 10, 6: 10, 22: 10, 15: 12, 16: 12, 23: 12}.get(function, 9 if function & 0x80 else 8)
        yield data[6:size]
        data = data[6 + max(int.from_bytes(data[4:6], "big"), 1) :]


def s7(data):
    if len(data) < 19:
        return data[5:]
    kind = data[8]
    parameters = data[19:] if kind in (2, 3) else data[17:]
    if kind == 7:
        return kind, parameters[4:7]
    return kind, parameters[: 14 if parameters[:1] not in (b"", b"\x04") else 1]


def cip(data):
    """The head of the CIP message in a packet."""
    if data[0] not in (0x6F, 0x70) or len(data) < 32:
        return b""
    at = 32
    for _ in range(4):
        if at + 8 > len(data):
            break
        item, size = int.from_bytes(data[at : at + 2], "little"), int.from_bytes(data[at + 2 : at + 4], "little")
        if item in (0xB1, 0xB2):
            message = data[at + (6 if item == 0xB1 else 4) :]
            reach = 4 if message[0] & 0x80 else 2 + 2 * message[1]
            return message[: reach + (16 if message[:2] == b"\x52\x02" else 0)]
        at += 4 + size
    return b""


class Likes:
    """How many of the same there were since one was last handed over, without a bound on what is remembered."""

    def __init__(self):
        self.first = {}
        self.seen = {}
        self.told = {}

    def count(self, key, ts):
        """Return 0 where it is not handed over, else the number."""
        if key not in self.first or not 0 <= (ts >> 20) - (self.first[key] >> 20) < MINUTE >> 20:
            since = self.seen.get(key, 0) - self.told.get(key, 0) + 1
            self.first[key], self.seen[key], self.told[key] = ts, 1, 1
            return since
        self.seen[key] += 1
        if self.seen[key] in (16**k for k in range(1, 5)):
            since = self.seen[key] - self.told[key]
            self.told[key] = self.seen[key]
            return since
        return 0
