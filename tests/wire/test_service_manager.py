"""Datagrams to the service manager, as sd_notify(3) has them."""

import socket

from sensor.wire.service_manager import ServiceManager


def test_it_is_told_how_the_process_is(tmp_path):
    """Ready, reloading, stopping; signs of life not more often than is needed."""
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(5)
        told = ServiceManager(path, 120.0)
        told.ready("following")
        told.alive()
        told.alive()
        told.reloading()
        told.stopping()
        heard = [manager.recv(4096).decode() for _ in range(4)]

    assert ["READY=1\nSTATUS=following", "WATCHDOG=1", "STOPPING=1"] == [heard[0], heard[1], heard[3]]
    assert heard[2].startswith("RELOADING=1\nMONOTONIC_USEC=")


def test_without_a_manager_nothing_is_told(tmp_path):
    """Nor where its socket is gone."""
    for address in (None, str(tmp_path / "gone"), "@spanline-test-nobody"):
        told = ServiceManager(address, 1.0)
        told.ready("x")
        told.alive()
