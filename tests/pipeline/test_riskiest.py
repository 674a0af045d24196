"""Series of the riskiest devices and accounts: few, under pseudonyms, gone when they are over."""

import re

import msgspec
import pytest

from sensor import config
from sensor.errors import ConfigError
from sensor.metrics import Metrics
from sensor.model.pseudonyms import KEY_BYTES, Pseudonyms
from sensor.pipeline.riskiest import PSEUDONYM, Riskiest, riskiest_of
from tests.hostile import strings
from tests.pipeline.test_responding import device

KEY = bytes(range(KEY_BYTES))


def risky(name, risk_db, site="SYD", key=None):
    """A device of a risk."""
    one = device(key or f"D-{name}", "workstation", ("10.0.0.5",))
    return msgspec.structs.replace(one, name=name, site=site, risk_db=risk_db)


@pytest.fixture
def metrics():
    """A process's metrics."""
    return Metrics("1")


@pytest.fixture
def riskiest():
    """The two riskiest."""
    return Riskiest(2, Pseudonyms(KEY, keep_domains=False))


def shown(metrics, kind):
    """Labels → value of a metric's series."""
    found = re.findall(rf"^spanline_{kind}_risk_db{{(.*)}} (\S+)$", metrics.text().decode(), re.MULTILINE)
    return {labels: float(value) for labels, value in found}


def test_the_riskiest_of_each_site_have_a_series(metrics, riskiest):
    """Two of each, none without an open incident; an account whatever its spelling."""
    devices = [risky("a", 9.0), risky("b.corp.example", 7.0), risky("c", 8.0), risky("d", 0.0), risky("e", 3.0, "PER")]
    riskiest.show(metrics, devices, {"Ann@example.com": 5.0, "bob": 6.0, "kim@example.com": 7.0})
    names = riskiest._pseudonyms

    assert {
        f'device="{names.host("a")}",site="SYD"': 9.0, f'device="{names.host("c")}",site="SYD"': 8.0,
        f'device="{names.host("e")}",site="PER"': 3.0,
    } == shown(metrics, "device")  # fmt: skip
    assert {f'account="{names.account("kim")}"': 7.0, f'account="{names.account("bob")}"': 6.0} == shown(
        metrics, "account"
    )


def test_who_is_no_longer_among_them_has_none(metrics, riskiest):
    """The series goes; so the number stays what it was."""
    riskiest.show(metrics, [risky("a", 9.0), risky("b", 8.0)], {"ann": 5.0})
    riskiest.show(metrics, [risky("a", 1.0), risky("c", 2.0), risky("d", 3.0)], {})
    names = riskiest._pseudonyms

    assert {f'device="{names.host(name)}",site="SYD"' for name in ("c", "d")} == shown(metrics, "device").keys()
    assert {} == shown(metrics, "account")


def test_whatever_the_name_the_label_is_a_pseudonym(metrics):
    """Five hundred hostile names, addresses, and what looks like a pseudonym already."""
    names = [*strings(), "203.0.113.9", "10.0.0.5", "fd00::1", "", "host-0123456789abcdef x", "a.b.c", "MiXeD.corp"]
    made = Riskiest(len(names), Pseudonyms(KEY, keep_domains=False))
    devices = [risky(name, 1.0 + number, key=f"D-{number}") for number, name in enumerate(names)]
    made.show(metrics, devices, {f"{name}@x": 1.0 for name in names} | {f"{name}": 2.0 for name in names})

    for kind in ("device", "account"):
        labels = {re.search(rf'{kind}="([^"]*)"', one)[1] for one in shown(metrics, kind)}
        assert [] == [one for one in labels if not PSEUDONYM.fullmatch(one)]
        assert len(labels) > 400


def test_nobody_has_one_unless_the_configuration_asks(tmp_path):
    """`[metrics] top`, 50 at most; the key is the state's own."""
    assert riskiest_of(config.default(), tmp_path) is None
    assert riskiest_of(config.build({"metrics": {"top": 50}}), tmp_path) is not None
    with pytest.raises(ConfigError, match="top = 51: from 0 to 50"):
        config.build({"metrics": {"top": 51}})
