"""What miners and pools say in the clear: a JSON-RPC object a line.

Stratum V1 (`mining.subscribe`, `mining.authorize`, `mining.notify` …; braiins.com/stratum-v1/docs), its Ethereum kin
(`eth_submitLogin`, EIP 1571) and that of CryptoNote pools, where `login` names a wallet and the miner
(xmrig.com/docs). Other JSON-RPC is none of it: a `login` counts only with a miner's agent, its algorithms or a wallet.
Each method is told once a direction. Not here: Stratum V2 and TLS, which are encrypted.
"""

import re

import msgspec

from sensor.model.protocols import AnyMessage, Stratum
from sensor.packets.payload import Payload

LINES_MAX = 8
"""Objects of one payload that are read: a miner sends two or three at once."""
TEXT_MAX = 128
WALLET_LEAST = 90
"""Characters of a CryptoNote address: 95, with an integrated payment id 106."""
METHODS_MAX = 16
METHOD = re.compile(rb'"method"\s*:\s*"(mining\.[a-z_.]{1,32}|eth_submit[A-Za-z]{1,16}|login)"')


class _Call(msgspec.Struct):
    method: str = ""
    params: object = None
    worker: object = None


class Talk:
    """One connection of a miner with a pool."""

    def __init__(self) -> None:
        """Begin before any line."""
        self._told: set[tuple[bool, str]] = set()

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take the next segment of either side."""
        found: list[AnyMessage] = []
        for line in payload.data.split(b"\n")[:LINES_MAX]:
            said = METHOD.search(line)
            if said is None:
                continue
            method = said.group(1).decode("ascii")
            agent, worker, is_miners = _who(method, line)
            key = (payload.is_orig, method)
            if is_miners and key not in self._told and len(self._told) < METHODS_MAX:
                self._told.add(key)
                found.append(Stratum(**payload.common, method=method, agent=agent, worker=worker))  # type: ignore[arg-type]
        return found

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []


def _who(method: str, line: bytes) -> tuple[str | None, str | None, bool]:
    """Return the miner's agent and worker as a line names them, and whether it is a miner's or a pool's at all."""
    try:
        call = msgspec.json.decode(line, type=_Call)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, None, method != "login"  # cut, or damaged: a login could be anybody's
    params = call.params
    if method == "login":
        told = params if isinstance(params, dict) else {}
        agent, worker = _text(told.get("agent")), _text(told.get("login"))
        wallet = len(str(told.get("login") or "")) >= WALLET_LEAST
        return agent, worker, worker is not None and (agent is not None or "algo" in told or wallet)
    first = _text(params[0]) if isinstance(params, list) and params else None
    if method == "mining.subscribe":
        return first, None, True
    if method == "mining.authorize":
        return None, first, True
    return None, _text(call.worker) if method.startswith("eth_") else None, True


def _text(value: object) -> str | None:
    return value[:TEXT_MAX] if isinstance(value, str) and value else None
