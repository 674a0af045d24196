"""Explicit proxies."""

import numpy as np

from sensor.entities import proxies as module
from sensor.entities.proxies import ASKED_MIN, Proxies, is_asked
from sensor.model.metadata import Http
from tests.scenes import common

HERE = (0, 0, 5)


def asked(uid="C1", **fields):
    return Http(**{**common(), "uid": uid}, **fields)


def test_connect_and_whole_uris_are_asked_of_proxies():
    """A path is asked of a server."""
    told = [asked(method="CONNECT"), asked(method="GET", uri="http://a.example/"), asked(method="GET", uri="/")]

    assert [True, True, False] == [is_asked(one) for one in told]


def test_an_address_asked_often_is_a_proxy_and_names_destinations():
    """The flow's destination is the host of CONNECT, given in one tick; one request makes no proxy."""
    proxies, other = Proxies(), Proxies()
    for k in range(ASKED_MIN):
        assert not proxies.is_proxy(HERE)
        proxies.hear(HERE, asked(f"C{k}", method="CONNECT", host=None, uri=f"Site{k}.example:443"))
    other.load(proxies.save())
    uids = np.array([b"C2", b"C9", b"C0", b"C2"], "S24")

    assert other.is_proxy(HERE)
    assert {0: "site2.example", 2: "site0.example", 3: "site2.example"} == other.destinations(uids)
    assert {} == other.destinations(uids)


def test_many_addresses_asked_once_do_not_displace_a_proxy_in_use(monkeypatch):
    """The one asked longest ago goes."""
    monkeypatch.setattr(module, "PROXIES_MAX", 4)
    proxies = Proxies()
    for k in range(20):
        proxies.hear((0, 1, k), asked(method="CONNECT"))
        proxies.hear(HERE, asked(method="CONNECT"))

    assert proxies.is_proxy(HERE)
    assert 4 == len(proxies.save()["asked"])
