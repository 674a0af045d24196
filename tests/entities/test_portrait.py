"""Vendor, place and role of a device."""

from sensor.entities.portrait import location_of, role_of, vendor_of
from sensor.model.metadata import Dhcp, Http
from tests.entities.test_entities import fresh, resolve
from tests.entities.test_recognition import report, vpn
from tests.scenes import common, flow, flows

PRINTER, WATCH = 0x0080773A5E14, 0x5CCF7F07AEFB


def test_a_printer_and_a_sensor_are_told_by_what_they_show():
    """Vendor by MAC, ports answered, DHCP class, hostname: each with its evidence."""
    entities = fresh()
    lease = Dhcp(**common(), mac="5c:cf:7f:07:ae:fb", host_name="ESP_07AEFB", assigned_addr="10.0.0.6", msg_type=5)
    resolve(
        entities,
        flows(flow("10.0.0.5", "10.0.0.9", port=9100, resp_mac=PRINTER), flow("10.0.0.6", orig_mac=WATCH)),
        [lease],
    )
    printer, watch = entities.locate(0, "10.0.0.9"), entities.locate(0, "10.0.0.6")

    assert ["Brother industries, LTD.", "Espressif Inc."] == [vendor_of(entities, row) for row in (printer, watch)]
    assert ("printer", ("it answers a printer's ports", "vendor Brother industries, LTD.")) == role_of(
        entities, printer, 0
    )
    assert "IoT" == role_of(entities, watch, 0)[0]


def test_user_agents_make_a_phone():
    """Said from its address."""
    entities = fresh()
    said = Http(**common(), user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 16_5 like Mac OS X)")
    resolve(entities, flows(flow()), [said])

    assert ("phone", ("its user agents say iPhone OS 16_5",)) == role_of(entities, entities.locate(0, "10.0.0.5"), 0)


def test_places_are_on_site_remote_or_both():
    """A flow at the site, a tunnel, an agent elsewhere; an agent that says no place is remote."""
    entities = fresh()
    agents = [
        report(1, device_id="a" * 40, name="AWAY-1"),
        report(2, device_id="b" * 40, name="AWAY-2", addresses=["192.168.9.9"]),
    ]
    tick = resolve(
        entities,
        flows(flow("10.0.0.5", "10.9.9.9", state="S0")),
        events=[vpn(0, "10.99.0.7", name="TUNNEL-1"), *agents],
    )

    assert ["on_prem"] == [location_of(entities, int(row)) for row in tick.orig_device]
    assert ["remote"] * 3 == [location_of(entities, int(row)) for row in tick.event_device]
    assert vendor_of(entities, int(tick.orig_device[0])) is None
