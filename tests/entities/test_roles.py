"""What a device is."""

import pytest

from sensor.entities.roles import Marks, role


@pytest.mark.parametrize(
    ("wanted", "marks"),
    [
        ("domain controller", Marks(answered={"kerberos": 9, "ldap": 4, "dns": 99, "smb": 3}, clients=20)),
        ("DNS resolver", Marks(answered={"dns": 500}, asked={"dns": 90}, clients=20)),
        ("DHCP server", Marks(gives_leases=True)),
        ("router", Marks(is_router=True, gives_leases=True, answered={"dns": 5}, clients=8)),
        ("proxy", Marks(is_proxy=True, answered={"proxy": 80}, clients=30)),
        ("printer", Marks(answered={"print": 3, "web": 1}, vendor="Brother industries, LTD.", clients=4)),
        ("camera", Marks(answered={"rtsp": 1}, vendor="Hangzhou Hikvision Digital Technology")),
        ("PLC", Marks(answered={"modbus": 900})),
        ("HMI", Marks(asked={"modbus": 900, "smb": 3}, name="station-4")),
        ("NAS", Marks(answered={"smb": 4}, vendor="Synology Incorporated")),
        ("phone", Marks(systems=("iPhone OS 16_5",))),
        ("IoT", Marks(vendor="Espressif Inc.", asked={"mqtt": 4})),
        ("workstation", Marks(users=1, name="laptop-231", asked={"kerberos": 4, "smb": 9})),
        ("server", Marks(answered={"web": 40, "ssh": 2}, clients=12, name="web-01")),
        (None, Marks()),
        (None, Marks(name="web-01")),
    ],
)
def test_marks_make_a_role(wanted, marks):
    """Each role by its marks, with what speaks for it; a hostname alone makes none."""
    found, why = role(marks)

    assert wanted == found
    assert bool(wanted) == bool(why)


def test_a_shared_host_is_no_workstation_for_its_users():
    """A terminal server has many users."""
    assert (
        "workstation" != role(Marks(users=40, shared="40 accounts within a day", answered={"rdp": 90}, clients=40))[0]
    )
