"""A file of what a site sent its hub: envelopes one after the other, read once (`sensor.wire.site_envelope`).

A record is a report. Envelopes that the state has had, by site, epoch and sequence, count as duplicates; a damaged one
ends the file, for nothing tells where the next begins. The site is the envelope's, whatever the input is said to be of.
Not here: how a running hub is sent envelopes, and whether one is missing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from sensor.errors import Malformed
from sensor.model.report import decode
from sensor.model.source import Account, Batch, Ledger
from sensor.wire.opening import open_input
from sensor.wire.site_envelope import ENVELOPE_MAX, ENVELOPE_MIN, MAGIC, length_of, unpack
from sensor.wire.site_envelope import decode as opened


def recognises(head: bytes) -> bool:
    """Tell whether a file begins with an envelope."""
    return head.startswith(MAGIC)


class SiteSource:
    """One such file."""

    def __init__(self, path: str | Path, site: str, input_index: int, ledger: Ledger | None = None) -> None:
        self.account = Account(path=str(path), site=site, format="site")
        self._input, self._ledger = input_index, ledger

    def batches(self) -> Iterator[Batch]:
        """Read on, an envelope a batch.

        Raises:
            Malformed: Nothing of the file could be read.
            OSError: The file cannot be opened or read.
        """
        account = self.account
        try:
            with open_input(account.path) as file:
                for one in _envelopes(file):
                    batch = self._take(one)
                    account.bytes += len(one)
                    yield batch
        except Malformed as error:
            account.records += 1
            account.reject("damaged_envelope")
            if not account.accepted and not account.duplicates:
                raise Malformed(f"{account.path}: {error}") from error

    def _take(self, content: bytes) -> Batch:
        account, envelope = self.account, opened(content)
        try:
            reports = decode(unpack(envelope), envelope.site, account.records)
        except (ValueError, msgspec.DecodeError) as error:
            raise Malformed(f"an envelope's reports: {error}") from error
        account.records += len(reports)
        identity = f"{envelope.site}:{envelope.epoch}:{envelope.sequence}".encode()
        if self._ledger is not None and not self._ledger.add_record("site", identity):
            account.duplicates += len(reports)
            return Batch()
        batch = Batch()
        for one in reports:
            if isinstance(one, str):
                account.reject(one)
            else:
                account.accepted += 1
                batch.reports.append(msgspec.structs.replace(one, input=self._input))
        return batch


def _envelopes(file: BinaryIO) -> Iterator[bytes]:
    """Cut a file into its envelopes. Raises Malformed where one is none, or cut short."""
    held = b""
    while True:
        if len(held) < ENVELOPE_MAX:
            held += file.read(ENVELOPE_MAX)
        if not held:
            return
        if len(held) < ENVELOPE_MIN or len(held) < length_of(held):
            raise Malformed("an envelope is cut short")
        size = length_of(held)
        yield held[:size]
        held = held[size:]
