"""Where an incident's page is."""

import pytest

from sensor.model.sink import page_of


@pytest.mark.parametrize("console", ["https://spanline.example", "https://spanline.example/"])
def test_an_incident_has_a_page_where_there_is_a_console(console):
    """Under the console's address, with or without its last stroke; else none."""
    assert "https://spanline.example/incidents/INC-1" == page_of(console, "INC-1")
    assert "" == page_of("", "INC-1")
