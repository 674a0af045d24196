"""One payload that was handed over whole, and what every message made of it shares."""

from typing import NamedTuple

Common = dict[str, int | str]
"""The fields of `sensor.model.metadata.Message`, by name."""


class Payload(NamedTuple):
    """The beginning of a segment or datagram, in the order of its stream."""

    common: Common
    data: bytes
    is_orig: bool
    whole: bool = True
    """Whether `data` is all of it."""
    likes: int = 1
    """How many that say the same it stands for, itself included."""

    def sent_from(self, port: int) -> bool:
        """Tell whether its sender is the server on a port; where both ends have it, or neither, the responder."""
        ends = (self.common["orig_p"], self.common["resp_p"])
        if (ends[0] == port) != (ends[1] == port):
            return (ends[0] == port) == self.is_orig
        return not self.is_orig

    @property
    def ts(self) -> int:
        """When it was seen, ns."""
        return int(self.common["ts"])
