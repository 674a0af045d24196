"""What leaves under pseudonyms, as it is configured."""

import msgspec
import pytest

import sensor
from sensor import config as configuration
from sensor.errors import ConfigError
from sensor.metrics import Metrics
from sensor.pipeline.delivering import Deliveries
from sensor.pipeline.privacy import Outgoing, pseudonyms_of
from sensor.store.state import State
from tests.pipeline.test_delivering import lines, until
from tests.pipeline.test_responding import device
from tests.sinks.samples import incident
from tests.store.test_state import commit

KEY = "0123456789abcdef" * 4
ALL = ["accounts", "hosts", "addresses"]


def configured(tmp_path, **sinks):
    (tmp_path / "key").write_text(KEY)
    return configuration.build({"privacy": {"pseudonyms": ALL, "key": {"file": str(tmp_path / "key")}}, "sinks": sinks})


def test_sinks_get_pseudonyms_but_those_of_the_site(tmp_path):
    """The same incident under both, each its own way; what the state holds is as it was."""
    out, own = tmp_path / "out.jsonl", tmp_path / "own.jsonl"
    config = configured(
        tmp_path, siem={"type": "jsonl", "path": str(out)}, own={"type": "jsonl", "path": str(own), "real_names": True}
    )
    with State(tmp_path / "state", exclusive=True) as state:
        deliveries = Deliveries(config, state.folder, Metrics(sensor.__version__))
        commit(state, [incident("INC-1")])
        deliveries.wake()
        until(lambda: lines(out) and lines(own))
        deliveries.close(5.0)
        assert ["PC-7 scans the network"] == [one.title for one in state.incidents()]
    real, told = msgspec.json.encode(lines(own)), msgspec.json.encode(lines(out))
    assert (True, False, False) == (b"PC-7 (10.10.0.7)" in real, b"PC-7" in told, b"10.10.0.7" in told)
    assert b"203.0.113.9" in told
    assert lines(out)[0]["title"].endswith(" scans the network")


def test_nothing_is_replaced_where_nothing_is_configured(tmp_path):
    """And no key is made."""
    assert None is pseudonyms_of(configuration.default(), tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_sites_with_one_key_say_the_same(tmp_path):
    """And one without has its own, which stays."""
    shared = configured(tmp_path)
    own = configuration.build({"privacy": {"pseudonyms": ALL}})
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    names = [
        pseudonyms_of(config, folder).account("ann")
        for config, folder in zip((shared, shared, own), folders, strict=True)
    ]
    assert (True, False) == (names[0] == names[1], names[0] == names[2])
    assert names[2] == pseudonyms_of(own, folders[2]).account("ann")


@pytest.mark.parametrize(
    ("privacy", "said"),
    [({"pseudonyms": ["account"]}, "'account' is none of accounts"), ({"key": {}}, "expected { env"),
     ({"pseudonyms": ["hosts"], "key": {"file": "/nowhere/key"}}, "cannot be read")],
)  # fmt: skip
def test_what_is_wrong_is_said_before_anything_leaves(tmp_path, privacy, said):
    """A word that is none of ours, a key that is not there."""
    with pytest.raises(ConfigError, match=said):
        pseudonyms_of(configuration.build({"privacy": privacy}), tmp_path)


def test_names_of_the_inventory_are_known(tmp_path):
    """A host that no party of the incident is, in a sentence of it."""
    named = msgspec.structs.replace(device("dev-9"), name="FILE-3")

    with State(tmp_path, exclusive=True) as state:
        state.commit(columns={}, incidents=[], devices=[named], accounts=[], inputs=[], meta={})
    one = incident("INC-1", summary="PC-7 opened a share of file-3.")
    told = Outgoing(pseudonyms_of(configuration.build({"privacy": {"pseudonyms": ALL}}), tmp_path), tmp_path).incident(
        one
    )
    assert "file-3" not in told.summary.lower()
