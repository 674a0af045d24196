"""Details without what a record does not say."""

from sensor.wire.details import present


def test_what_is_not_there_is_left_out():
    """Nothing, an empty text and an empty list are absent; zero and False are values."""
    assert {"a": 0, "b": False, "c": ["x"]} == present(a=0, b=False, c=["x"], d=None, e="", f=[], g={}, h=())
