"""Tables of so many entries."""

from sensor.packets.bounded import remember


def test_the_oldest_gives_way_and_a_known_key_takes_no_room():
    """Two entries at most."""
    table = {}
    for key in (1, 2, 1, 3):
        remember(table, key, -key, 2)
    assert {2: -2, 3: -3} == table
