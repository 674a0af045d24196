"""The messages of a whole capture."""

from sensor.packets.reader import CaptureReader


def messages_of(engine_class, path, log=None):
    """Every message of a capture, or those of one kind, by its `log` tag; wrong checksums are believed."""
    engine = engine_class(1 << 12, ignore_checksums=True)
    found = []
    with path.open("rb", buffering=0) as file:
        reader = CaptureReader(file, str(path))
        for buf, rows in reader.blocks():
            engine.feed(buf, rows, reader.scratch_at)
            found += engine.drain_messages()
    engine.finish()
    found += engine.drain_messages()
    return [message for message in found if log is None or message.__struct_config__.tag == log]
