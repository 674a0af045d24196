"""Reassembly of datagrams, byte by byte in a dictionary, without limit of room."""

TIMEOUT_NS = 30_000_000_000


class Datagram:
    def __init__(self, ts):
        self.first, self.octets, self.total, self.header, self.frames = ts, {}, None, 0, 0

    def fits(self, offset, size, more):
        """Tell whether a part can belong to the datagram (RFC 791 §3.2): multiples of eight, one end only."""
        end = offset + size
        if not size or end > 65535 or (more and size % 8):
            return False
        highest = max(self.octets, default=-1) + 1
        if more:
            return self.total is None or end <= self.total
        return self.total in (None, end) and highest <= end


class Fragments:
    """The datagrams that wait; `given_up` counts frames of those that waited too long."""

    def __init__(self):
        self.waiting, self.given_up = {}, 0

    def add(self, key, ts, offset, more, header, payload, frame):
        """Add a part: (whole payload, header bytes, frames), None while it waits, False where it cannot belong.

        `frame` is 1, or 0 where the frame has been counted.
        """
        found = self.waiting.get(key)
        if found and ts - found.first > TIMEOUT_NS:
            self.given_up += found.frames
            del self.waiting[key]
            found = None
        datagram = found or Datagram(ts)
        if not datagram.fits(offset, len(payload), more):
            return False
        self.waiting[key] = datagram
        datagram.frames += frame
        if not more:
            datagram.total = offset + len(payload)
        if not offset:
            datagram.header = header
        for unit in range(0, len(payload), 8):  # the first to come wins, by units of eight
            if offset + unit not in datagram.octets:
                for k, octet in enumerate(payload[unit : unit + 8]):
                    datagram.octets[offset + unit + k] = octet
        if datagram.total is None or any(k not in datagram.octets for k in range(datagram.total)):
            return None
        del self.waiting[key]
        return bytes(datagram.octets[k] for k in range(datagram.total)), datagram.header, datagram.frames
