"""Orders as they are written, for releases that know more or less."""

import msgspec

from sensor.model.order import NotDone, Outcome, Pending, Wanted
from tests.responses.orders import outcome, wanted


def test_what_is_written_is_read_again():
    """Also by a release before, which leaves out what it does not know."""
    for one, kind in ((wanted("ACT-1", names=("a", "b"), back=True), Wanted), (outcome("ACT-1"), Outcome)):
        fields = msgspec.msgpack.decode(msgspec.msgpack.encode(one))
        assert one == msgspec.msgpack.decode(msgspec.msgpack.encode([*fields, "more"]), type=kind)


def test_what_is_not_decided_may_be_tried_again_and_what_is_refused_not():
    """An executor that knows nothing of orders treats both as it should."""
    from sensor.errors import Permanent, Transient

    assert (True, True) == (issubclass(Pending, Transient), issubclass(NotDone, Permanent))
