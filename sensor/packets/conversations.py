"""The parsers in plain Python behind the kernels: payloads that were handed over, in order, become messages.

Keeps what a conversation needs from one payload to the next (which tree a file is on, which call a context means, the
pieces of a ClientHello), for a bounded number of flows; the one silent for longest goes first. A message waits where
its answer tells more; what is never answered is written when its conversation is dropped or at the end.

Work is bounded by event time, not by how the input was cut: of the payloads of one second the first `PAYLOADS_MAX` are
read, the rest are counted. What is damaged is counted and says nothing.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Protocol

from sensor.errors import Malformed
from sensor.model import metadata as m
from sensor.model.protocols import AnyMessage
from sensor.packets import (
    bacnet,
    carried,
    dce_rpc,
    dnp3,
    enip,
    ftp,
    ldap,
    modbus,
    names,
    ndp,
    quic,
    radius,
    rdp,
    s7comm,
    smb,
    smtp,
    stratum,
)
from sensor.packets.payload import Common, Payload

CONVERSATIONS_MAX = 4096
"""Flows that are followed at a time: a few KiB each. A logon's conversation is over within seconds."""
PAYLOADS_MAX = 2000
"""Payloads of one second of event time. They cost some 20 to 60 microseconds each, so a flood takes a tenth of a core;
a site of ten thousand hosts shows a few hundred."""
SECOND = 1_000_000_000


class Reader(Protocol):
    """A conversation of one protocol."""

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take the next payload and return what is known now; may raise `Malformed`."""
        ...

    def flush(self) -> list[AnyMessage]:
        """Return what still waited for an answer."""
        ...


READERS: dict[int, Callable[[], Reader]] = {
    m.K_QUIC: quic.Connection,
    m.K_SMB: smb.Session,
    m.K_DCE_RPC: dce_rpc.Association,
    m.K_LDAP: ldap.Session,
    m.K_CLDAP: ldap.Session,
    m.K_RADIUS: radius.Exchange,
    m.K_SMTP: smtp.Session,
    m.K_FTP: ftp.Session,
    m.K_RDP: rdp.Connection,
    m.K_MODBUS: modbus.Conversation,
    m.K_DNP3: dnp3.Conversation,
    m.K_DNP3_UDP: dnp3.Conversation,
    m.K_S7: s7comm.Conversation,
    m.K_ENIP: enip.Conversation,
    m.K_ENIP_UDP: enip.Conversation,
    m.K_BACNET: bacnet.Conversation,
    m.K_NAME: names.Announcements,
    m.K_DATAGRAM: names.Datagrams,
    m.K_NEIGHBOR: ndp.Neighbors,
    m.K_CARRIED: carried.Echo,
    m.K_STRATUM: stratum.Talk,
}
"""What reads each kind from K_QUIC on."""


class Conversations:
    """The conversations of one input. Not thread-safe: one caller."""

    def __init__(self, conversations_max: int = CONVERSATIONS_MAX, payloads_max: int = PAYLOADS_MAX) -> None:
        """Begin with none.

        Args:
            conversations_max: Flows followed at a time.
            payloads_max: Payloads read of one second of event time.
        """
        self._open: OrderedDict[tuple[int, int], Reader] = OrderedDict()
        self._most, self._payloads_max = conversations_max, payloads_max
        self._second = self._read_in_second = 0
        self.dropped: Counter[str] = Counter()
        """Payloads that were not read: `too_many` in a second, `unreadable` where damaged."""

    def is_full(self, ts: int) -> bool:
        """Tell, and count, that a payload of that time is not to be read, for there were too many in its second."""
        second = ts // SECOND
        if second != self._second:
            self._second, self._read_in_second = second, 0
        if self._read_in_second < self._payloads_max:
            return False
        self.dropped["too_many"] += 1
        return True

    def read(
        self, number: int, kind: int, common: Common, fields: dict[int, list[bytes]], flags: int
    ) -> list[AnyMessage]:
        """Take one row of a kind in `READERS`.

        Args:
            number: The flow's.
            kind: K_*.
            common: What its messages share.
            fields: The row's, by id.
            flags: 1 where the originator sent it, 2 where it is whole.

        Returns:
            What is known now, perhaps of earlier payloads.
        """
        count = int.from_bytes(fields.get(m.F_COUNT, [b"\1"])[0], "little")
        payload = Payload(common, fields.get(m.F_PAYLOAD, [b""])[0], bool(flags & 1), bool(flags & 2), count)
        if self.is_full(payload.ts):
            return []
        self._read_in_second += 1
        found: list[AnyMessage] = []
        key = (number, kind)
        reader = self._open.get(key)
        if reader is None:
            if len(self._open) >= self._most:
                found += self._open.popitem(last=False)[1].flush()
            reader = self._open[key] = READERS[kind]()
        self._open.move_to_end(key)
        try:
            found += reader.read(payload)
        except Malformed:
            self.dropped["unreadable"] += 1
        return found

    def flush(self) -> list[AnyMessage]:
        """Return what still waits, at the end of the input, and forget every conversation."""
        found = [message for reader in self._open.values() for message in reader.flush()]
        self._open.clear()
        return found
