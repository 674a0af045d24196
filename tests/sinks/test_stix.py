"""Incidents as STIX 2.1 bundles: valid by the standard's own library, with ids that stay."""

import msgspec
import pytest
import stix2

from sensor.errors import Malformed
from sensor.model.incident import Party
from sensor.sinks import stix
from sensor.sinks.stix import Settings, bundle
from tests.sinks.samples import NOW_NS, delivery, fit, incident

PARTIES = (
    Party(kind="device", site="SYD", id="dev-1", name="PC-7", role="subject"),
    Party(kind="account", site=None, id="kim@example.com", name="kim@example.com", role="subject"),
    Party(kind="address", site=None, id="203.0.113.9", name="203.0.113.9", role="peer"),
    Party(kind="address", site=None, id="2001:db8::9", name="2001:db8::9", role="peer"),
    Party(kind="address", site=None, id="none", name="none", role="peer"),
    Party(kind="domain", site=None, id="evil.example", name="evil.example", role="peer"),
    Party(kind="site", site="SYD", id="SYD", name="SYD", role="peer"),
)


def objects(made, kind):
    return [one for one in made["objects"] if one["type"] == kind]


def test_a_bundle_is_valid_and_complete():
    """Every object by the standard's library; references lead to objects in it."""
    made = bundle(incident(entities=PARTIES, techniques=("T1046", "T1071.004")), "V-1", NOW_NS, "https://c.example/i")
    read = stix2.parse(msgspec.json.encode(made), allow_custom=False)
    held = {one["id"] for one in made["objects"]}
    referred = {
        ref
        for one in made["objects"]
        for name, value in one.items()
        if name.endswith(("_ref", "_refs"))
        for ref in ([value] if isinstance(value, str) else value)
    }

    assert len(read.objects) == len(held)
    assert set() == referred - held
    assert {
        "incident": 1,
        "attack-pattern": 2,
        "sighting": 2,
        "observed-data": 1,
        "identity": 2,
        "user-account": 1,
    } == {
        kind: len(objects(made, kind))
        for kind in ("incident", "attack-pattern", "sighting", "observed-data", "identity", "user-account")
    }
    assert "https://c.example/i" == objects(made, "incident")[0]["external_references"][0]["url"]


def test_ids_of_observables_are_the_standards():
    """As its library derives them, so that two producers name one address alike."""
    made = bundle(incident(entities=PARTIES), "V-1", NOW_NS)

    assert stix2.v21.IPv4Address(value="203.0.113.9").id == objects(made, "ipv4-addr")[0]["id"]
    assert stix2.v21.IPv6Address(value="2001:db8::9").id == objects(made, "ipv6-addr")[0]["id"]
    assert stix2.v21.DomainName(value="evil.example").id == objects(made, "domain-name")[0]["id"]
    assert stix2.v21.UserAccount(account_login="kim@example.com").id == objects(made, "user-account")[0]["id"]


def test_a_later_version_is_the_same_objects_modified_later():
    """The bundle is another, its incident is not."""
    first = bundle(incident(), "V-1", NOW_NS)
    later = bundle(incident(state="closed", verdict="true"), "V-2", NOW_NS + 10**9)
    one, two = objects(first, "incident")[0], objects(later, "incident")[0]

    assert (one["id"], one["created"]) == (two["id"], two["created"])
    assert one["modified"] < two["modified"]
    assert (["triage", "closed", "verdict-true"], False) == (two["labels"], first["id"] == later["id"])


def test_an_incident_without_anything_observable_has_no_observed_data():
    """The standard wants at least one object in it."""
    made = bundle(incident(entities=PARTIES[:1], techniques=(), evidence=()), "V-1", NOW_NS)
    stix2.parse(msgspec.json.encode(made))

    assert [] == objects(made, "observed-data")


def test_the_folder_has_the_latest_of_each_and_the_oldest_go(tmp_path):
    """One file an incident; what is beyond the number that is kept is removed."""
    made = stix.build(Settings(path=str(tmp_path / "out"), keep=2), fit())
    for number, key in enumerate(("INC-1", "INC-2", "INC-1", "INC-3")):
        made.send([delivery(incident(key), number)], NOW_NS)
    assert f"{tmp_path}/out can be written" == made.probe()
    made.close()

    assert {"INC-1.json", "INC-3.json"} == {one.name for one in (tmp_path / "out").iterdir()}
    with pytest.raises(Malformed):
        made.send([delivery(incident("../INC-1"))], NOW_NS)


def test_a_folder_is_needed():
    """And at least one file in it."""
    assert [True, True, False] == [
        stix.problem(Settings(**one)) is not None for one in ({}, {"path": "x", "keep": 0}, {"path": "x"})
    ]
