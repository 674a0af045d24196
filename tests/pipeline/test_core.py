"""What a core keeps between runs, and its key."""

from sensor.pipeline.core import secret_of


def test_a_secret_file_changes_the_key_only_where_given(tmp_path):
    """The documented key without a file; another with one, the same each time."""
    (tmp_path / "k").write_bytes(b"secret")

    assert secret_of(None) != secret_of(tmp_path / "k") == secret_of(tmp_path / "k")
