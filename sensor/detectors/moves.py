"""Moves of many: accounts that are at home on one network and, within an hour, sign in from another together.

A site's line that fails over, a provider's new addresses, a gateway that is replaced: what is new to each is one thing
that happened to all. It is told once a day, and the accounts' own evidence is taken back. Only accounts with a client
they are known by count, and only where those who stay do not outweigh them: one proxy that several people were phished
through leaves their colleagues at home.

No detector: `place` drives, saves and loads it.
"""

import weakref
from collections import OrderedDict

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.detectors.habits import KNOWN_DAYS, Habits
from sensor.detectors.judged import Judged
from sensor.model.account import SignInSeen
from sensor.model.tick import Names
from sensor.model.times import DAY_NS, HOUR_NS

SEVERAL, SHARE = 3, 0.2
"""Accounts that come to a network together, as for verdicts, and what part of all that are at home there they must be
(METHOD in force); then nobody of their home may have stayed."""
MANY = 5
"""Accounts from which on half of those who were seen suffices; METHOD in force: at least 5 of a group."""
HOMES_MAX, NETWORKS_MAX = 1024, 16
"""Homes watched at a time, and networks of each; what began longest ago goes."""
ADDRESSES_MAX = 16_384
"""Addresses whose network a sign-in named; the one named longest ago goes."""
EACH_MAX = 256
"""Accounts kept of a pair: by then it was told."""
_SHARED: "weakref.WeakKeyDictionary[Names, Moves]" = weakref.WeakKeyDictionary()


class Move(msgspec.Struct):
    """Who came from one network to another.

    Attributes:
        moved: When each account was seen there, ns, and at which address.
        stayed: When each account was seen at home since the first move, ns.
        told_ns: When it was found to be a move of many, 0 where it is none.
    """

    home: int
    network: int
    begun_ns: int
    moved: dict[int, tuple[int, str]] = msgspec.field(default_factory=dict)
    stayed: dict[int, int] = msgspec.field(default_factory=dict)
    told_ns: int = 0


class Moves:
    """Moves that go on, by home and network."""

    def __init__(self, habits: Habits) -> None:
        self._habits = habits
        self._held: OrderedDict[int, OrderedDict[int, Move]] = OrderedDict()
        self._addresses: OrderedDict[str, int] = OrderedDict()

    def network_of(self, address: str | None, asn: int | None) -> int:
        """Return the key of an address's network, as sign-ins from there named it where this record does not."""
        held = None if asn or address is None else self._addresses.get(address)
        return self._habits.traits.network(address, asn) if held is None else held

    def observe(self, signins: list[SignInSeen], judged: Judged) -> list[tuple[Move, SignInSeen, list[int]]]:
        """Take a tick's sign-ins in.

        Returns:
            Moves of many, the sign-in that completed or joined each, and whose part in it is explained by that.
        """
        self._name(signins, judged)
        moving = judged.good & (judged.account >= 0) & (judged.network_days == 0) & (judged.values["network"] != 0)
        if not self._held and not moving.any():
            return []
        homes = self._homes(judged.account)
        moving &= (homes != 0) & (homes != judged.values["network"]) & self._own_client(judged)
        watched = np.array(list(self._held), np.uint64)
        staying = judged.good & (homes != 0) & (homes == judged.values["network"]) & np.isin(homes, watched)
        found: list[tuple[Move, SignInSeen, list[int]]] = []
        for i in np.nonzero(moving | staying)[0].tolist():
            seen, account, home = signins[i], int(judged.account[i]), int(homes[i])
            if staying[i]:
                self._stay(account, home, seen.ts)
                continue
            move = self._move(account, home, int(judged.values["network"][i]), seen)
            if move is not None:
                found.append((move, seen, list(move.moved) if move.told_ns == seen.ts else [account]))
        return found

    def is_common(self, account: int, network: int, ts: int) -> bool:
        """Tell whether an account's home moved to a network within a day."""
        if not self._held:
            return False
        home = int(self._homes(np.array([account], np.int64))[0])
        move = self._held[home].get(network) if home in self._held else None
        return move is not None and move.told_ns > 0 and abs(ts - move.told_ns) <= DAY_NS

    def save(self) -> bytes:
        """Return everything as bytes."""
        held = [list(moves.values()) for moves in self._held.values()]
        return msgspec.json.encode(_Saved(held, list(self._addresses.items())))

    def load(self, state: bytes) -> None:
        """Restore what `save` returned."""
        saved = msgspec.json.decode(state, type=_Saved)
        self._held = OrderedDict(
            (moves[0].home, OrderedDict((one.network, one) for one in moves)) for moves in saved.moves if moves
        )
        self._addresses = OrderedDict(saved.addresses)

    def _name(self, signins: list[SignInSeen], judged: Judged) -> None:
        """Remember which network the sign-ins' addresses are of."""
        held = self._addresses
        for seen, network in zip(signins, judged.values["network"].tolist(), strict=True):
            if seen.row.asn and seen.row.ip:
                held[seen.row.ip] = network
                held.move_to_end(seen.row.ip)
        while len(held) > ADDRESSES_MAX:
            held.popitem(last=False)

    def _homes(self, account: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the network that each account used on the most days, 0 below KNOWN_DAYS of them; shape (n,)."""
        columns, rows = self._habits.accounts, np.maximum(account, 0)
        if not len(columns["network"]):
            return np.zeros(len(account), np.uint64)
        best = columns["network_days"][rows].argmax(axis=1)
        settled = (account >= 0) & (columns["network_days"][rows, best] >= KNOWN_DAYS)
        return np.asarray(np.where(settled, columns["network"][rows, best], 0), np.uint64)

    def _at_home(self, home: int) -> int:
        """Return how many accounts are at home on a network."""
        every = np.arange(len(self._habits.accounts["network"]), dtype=np.int64)
        return int((self._homes(every) == home).sum())

    @staticmethod
    def _own_client(judged: Judged) -> NDArray[np.bool_]:
        """Return which sign-ins were made with a client, or on a device, that the account is known by."""
        return np.asarray(((judged.values["agent"] != 0) & (judged.own[2] == 1.0)) | judged.known_device, np.bool_)

    def _stay(self, account: int, home: int, ts: int) -> None:
        for move in self._held[home].values():
            if ts - move.begun_ns >= 0 and len(move.stayed) < EACH_MAX:
                move.stayed[account] = ts
                move.moved.pop(account, None)

    def _move(self, account: int, home: int, network: int, seen: SignInSeen) -> Move | None:
        """Count an account that moved; return the move if it is one of many."""
        moves = self._held.setdefault(home, OrderedDict())
        move = moves.get(network)
        if move is None or seen.ts - max((ts for ts, _ in move.moved.values()), default=move.begun_ns) > DAY_NS:
            move = moves[network] = Move(home, network, seen.ts)
            while len(moves) > NETWORKS_MAX:
                moves.popitem(last=False)
            while len(self._held) > HOMES_MAX:
                self._held.popitem(last=False)
        if len(move.moved) < EACH_MAX or account in move.moved:
            move.moved[account] = (seen.ts, seen.row.ip or "")
            move.stayed.pop(account, None)
        if not move.told_ns:
            moved = sum(seen.ts - ts <= HOUR_NS for ts, _ in move.moved.values())
            stayed = sum(seen.ts - ts <= HOUR_NS for ts in move.stayed.values())
            if moved < SEVERAL or stayed > (moved if moved >= MANY else 0):
                return None
            if moved < MANY and moved < SHARE * self._at_home(home):
                return None
            move.told_ns = seen.ts
        return move


class _Saved(msgspec.Struct):
    moves: list[list[Move]]
    addresses: list[tuple[str, int]]


def shared(names: Names, habits: Habits) -> Moves:
    """Return the one object of these entities."""
    found = _SHARED.get(names)
    if found is None:
        found = _SHARED[names] = Moves(habits)
    return found
