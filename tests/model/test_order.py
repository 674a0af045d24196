"""Orders as they are written, for releases that know more or less."""

import msgspec
import pytest

from sensor.model.order import NotDone, Outcome, Pending, Wanted, cleaned, problem
from tests.responses.orders import outcome, wanted


def test_what_is_written_is_read_again():
    """Also by a release before, which leaves out what it does not know."""
    for one, kind in ((wanted("ACT-1", names=("a", "b"), back=True), Wanted), (outcome("ACT-1"), Outcome)):
        fields = msgspec.msgpack.decode(msgspec.msgpack.encode(one))
        assert one == msgspec.msgpack.decode(msgspec.msgpack.encode([*fields, "more"]), type=kind)


@pytest.mark.parametrize(
    "unfit", [{"reason": "x" * 1001}, {"names": ("a",) * 65}, {"by": "user\x1b[31m"}, {"target": "a\nb"}, {"id": ""}]
)
def test_an_order_is_short_and_printable(unfit):
    """It is shown to people, on terminals too."""
    assert problem(wanted("ACT-1")) is None
    assert problem(msgspec.structs.replace(wanted("ACT-1"), **unfit)) is not None


def test_what_is_said_of_an_order_is_shown_short_and_printable():
    """Whoever wrote it."""
    found = cleaned(outcome("ACT-1", detail="a\x1b[31m\n" + "x" * 2000, by="user\r"))
    assert ("a [31m xxx", 1000, "user ") == (found.detail[:10], len(found.detail), found.by)


def test_what_is_not_decided_may_be_tried_again_and_what_is_refused_not():
    """An executor that knows nothing of orders treats both as it should."""
    from sensor.errors import Permanent, Transient

    assert (True, True) == (issubclass(Pending, Transient), issubclass(NotDone, Permanent))
