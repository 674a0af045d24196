"""Reading one record by one product's reader."""

from sensor.wire.fields import Fields


def only_event(source, record):
    """Return the one event of a record that the reader claims."""
    fields = Fields(record)
    assert source.claims(fields)
    [event] = source.read(fields)
    return event
