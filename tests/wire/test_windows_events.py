"""One Windows event in every form that a shipper or a tool gives it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.wire.fields import Fields
from sensor.wire.windows_events import account, events, label
from tests.wire.test_windows_xml import EVENT as XML

TS = 1714557600_123456700
PROVIDER, CHANNEL, COMPUTER = "Microsoft-Windows-Security-Auditing", "Security", "pc1.example.com"
DATA = {"TargetUserName": "J&B é", "IpAddress": "192.0.2.7"}
SYSTEM = {"EventRecordID": 77, "Channel": CHANNEL, "Computer": COMPUTER, "Keywords": "0x8010000000000000"}
WINLOG = {
    "provider_name": PROVIDER,
    "channel": CHANNEL,
    "event_id": "4625",
    "computer_name": COMPUTER,
    "record_id": 77,
    "time_created": "2024-05-01T10:00:00.1234567Z",
    "keywords": ["Audit Failure"],
}
NXLOG = {
    "EventID": 4625,
    "SourceName": PROVIDER,
    "Channel": CHANNEL,
    "Hostname": COMPUTER,
    "RecordNumber": 77,
    "EventType": "AUDIT_FAILURE",
    **DATA,
}
FORMS = {
    "winlogbeat": {"@timestamp": "2024-05-02T00:00:00Z", "winlog": {**WINLOG, "event_data": DATA}},
    "flattened": {
        **{f"winlog.{name}": value for name, value in WINLOG.items()},
        **{f"winlog.event_data.{name}": value for name, value in DATA.items()},
    },
    "through a pipeline": {
        "winlog": {**WINLOG, "event_data": {"TargetUserName": "J&B é"}},
        "source": {"ip": "192.0.2.7"},
        "event": {"outcome": "failure", "original": XML},
    },
    "winlogbeat 6": {
        "@timestamp": "2024-05-01T10:00:00.1234567Z",
        "event_id": 4625,
        "source_name": PROVIDER,
        "log_name": CHANNEL,
        "computer_name": COMPUTER,
        "record_number": "77",
        "keywords": ["Audit Failure"],
        "event_data": DATA,
    },
    "nxlog": {"EventTime": "2024-05-01T12:00:00.123456700+02:00", **NXLOG},
    "log analytics": {
        "TimeGenerated": "2024-05-01T10:00:00.1234567Z",
        "EventID": 4625,
        "EventSourceName": PROVIDER,
        "Channel": CHANNEL,
        "Computer": COMPUTER,
        "EventOriginId": "77",
        "Level": "16",
        **DATA,
    },
    "log analytics, WindowsEvent": {
        "TimeGenerated": "2024-05-01T10:00:00.1234567Z",
        "EventID": "4625",
        "Provider": PROVIDER,
        "Channel": CHANNEL,
        "Computer": COMPUTER,
        "EventRecordId": "77",
        "Keywords": "0x8010000000000000",
        "EventData": json.dumps(DATA),
    },
    "log analytics, Event": {
        "TimeGenerated": "2024-05-01T10:00:00.1234567Z",
        "EventID": 4625,
        "Source": PROVIDER,
        "EventLog": CHANNEL,
        "Computer": COMPUTER,
        "EventRecordId": "77",
        "EventLevelName": "Audit Failure",
        "EventData": f"<DataItem type='System.XmlData'>{XML[XML.index('<EventData') :].replace('</Event>', '')}",
    },
    "evtx_dump": {
        "Event": {
            "System": {
                "Provider": {"#attributes": {"Name": PROVIDER}},
                "EventID": {"#attributes": {"Qualifiers": ""}, "#text": 4625},
                "TimeCreated": {"#attributes": {"SystemTime": "2024-05-01T10:00:00.123456700Z"}},
                **SYSTEM,
            },
            "EventData": DATA,
        }
    },
    "chainsaw": {
        "Event": {
            "System": {
                "Provider_attributes": {"Name": PROVIDER},
                "EventID": 4625,
                "TimeCreated_attributes": {"SystemTime": "2024-05-01T10:00:00.123456700Z"},
                **SYSTEM,
            },
            "EventData": DATA,
        }
    },
    "python-evtx": {
        "Event": {
            "System": {
                "Provider": {"@Name": PROVIDER},
                "EventID": {"@Qualifiers": "", "#text": "4625"},
                "TimeCreated": {"@SystemTime": "2024-05-01 10:00:00.123456700"},
                **SYSTEM,
            },
            "EventData": {"Data": [{"@Name": name, "#text": text} for name, text in DATA.items()]},
        }
    },
    "velociraptor": {
        "System": {
            "Provider": {"Name": PROVIDER},
            "EventID": {"Value": 4625},
            "TimeCreated": {"SystemTime": "2024-05-01T10:00:00.123456700Z"},
            **SYSTEM,
            "Keywords": 0x8010000000000000,
        },
        "EventData": DATA,
    },
    "wazuh": {
        "timestamp": "2024-05-01T10:00:09.000+0000",
        "data": {
            "win": {
                "system": {
                    "providerName": PROVIDER,
                    "eventID": "4625",
                    "channel": CHANNEL,
                    "computer": COMPUTER,
                    "systemTime": "2024-05-01T10:00:00.1234567Z",
                    "eventRecordID": "77",
                    "severityValue": "AUDIT_FAILURE",
                },
                "eventdata": {"targetUserName": "J&B é", "ipAddress": "192.0.2.7"},
            }
        },
    },
    "xml": {"message": XML},
    "splunk": {"_raw": XML},
    "event hub": {"time": "2024-05-01T10:00:09Z", "properties": {"RawXml": XML, "EventId": 4625}},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_event(form):
    """Label, time, machine, outcome, id and named values are those of the event, whatever wrote it."""
    record = Fields(FORMS[form])
    [event] = events(record)
    assert (4625, PROVIDER.lower(), CHANNEL.lower()) == event.label == label(record)
    assert (TS, COMPUTER, False) == (event.ts, event.computer, event.success)
    assert f"{COMPUTER}/security/77/{TS}" == event.raw_id
    assert ("J&B é", "192.0.2.7") == (event.text("TargetUserName"), event.address("IpAddress"))


VALUES = ["S-1-0-0", "-", "-", "0x0", "S-1-0-0", "J&B é", "X", "0xc000006d", "%%2313", "0xc000006a", "3", "N", "NTLM"]
VALUES += ["PC1", "-", "-", "0", "0x0", "-", "192.0.2.7", "0"]
UNNAMED = {
    "fluent bit": {
        "ProviderName": PROVIDER,
        "EventID": 4625,
        "Keywords": "0x8010000000000000",
        "TimeCreated": "2024-05-01 10:00:00 +0000",
        "EventRecordID": 77,
        "Channel": CHANNEL,
        "Computer": COMPUTER,
        "StringInserts": VALUES,
    },
    "powershell": {
        "Id": 4625,
        "ProviderName": PROVIDER,
        "LogName": CHANNEL,
        "RecordId": 77,
        "MachineName": COMPUTER,
        "TimeCreated": "/Date(1714557600000)/",
        "KeywordsDisplayNames": ["Audit Failure"],
        "Properties": [{"Value": value} for value in VALUES],
    },
    "kinesis": {
        "EventId": 4625,
        "ProviderName": PROVIDER,
        "LogName": CHANNEL,
        "Index": 77,
        "RecordId": 77,
        "MachineName": COMPUTER,
        "TimeCreated": "2024-05-01T10:00:00Z",
        "Keywords": "Audit Failure",
        "EventData": VALUES,
    },
}


@pytest.mark.parametrize("form", UNNAMED)
def test_values_without_names_get_them_by_their_place(form):
    """In Security events, whose order is known."""
    [event] = events(Fields(UNNAMED[form]))
    assert (TS // 10**9 * 10**9, COMPUTER, False) == (event.ts, event.computer, event.success)
    assert ("J&B é", "192.0.2.7") == (event.text("TargetUserName"), event.address("IpAddress"))
    assert event.raw_id is not None


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        # OTRF: the collector's two clocks tell the zone, UTC-4.
        (("2024-05-01 06:00:00", "2024-05-01 06:00:02", "2024-05-01T10:00:02.5Z"), "2024-05-01T10:00:00"),
        (("2024-05-01 06:00:00", None, "2024-05-01T10:00:02.5Z"), "2024-05-01T10:00:00"),
        (("2024-05-01 15:45:00", None, "2024-05-01T10:00:00.9Z"), "2024-05-01T10:00:00"),
        # A delay that could be a zone of its own.
        (("2024-05-01 06:00:00", None, "2024-05-01T10:07:20Z"), "2024-05-01T10:07:20"),
        (("2024-05-01 06:00:00", 1714557602.5, None), "2024-05-01T10:00:00"),
        # Nothing to tell the zone by.
        (("2024-05-01 06:00:00", None, None), "2024-05-01T06:00:00"),
        ((None, None, "2024-05-01T10:00:00Z"), "2024-05-01T10:00:00"),
    ],
)
def test_local_times_get_their_zone_from_the_collector(times, expected):
    """NXLog writes EventTime without a zone."""
    names = ("EventTime", "EventReceivedTime", "@timestamp")
    record = Fields({**NXLOG, **{name: value for name, value in zip(names, times, strict=True) if value}})
    [event] = events(record)
    assert Fields({"t": expected}).time("t") == event.ts


def test_many_events_of_one_text_are_many():
    """A file saved by Event Viewer is one line."""
    found = list(events(Fields({"message": f"<Events>{XML}{XML.replace('>77<', '>78<')}</Events>"})))
    assert [f"{COMPUTER}/security/77/{TS}", f"{COMPUTER}/security/78/{TS}"] == [event.raw_id for event in found]


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"EventID": 4624},
        {"EventID": "abc", "Channel": "Security"},
        {"EventID": 70000, "Channel": "Security"},
        {"EventID": -1, "Channel": "Security"},
        {"event": {"code": "4624"}},
        {"message": "An account was logged on"},
        {"event_id": "5d4e6c1a", "log_name": "x", "source_name": "y"},
        {"System": {"EventID": 1}},
        {"data": {"win": {}}},
    ],
)
def test_what_only_resembles_an_event_is_none(record):
    """A number without a log or a provider, or the reverse, is not enough."""
    assert label(Fields(record)) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [(XML.replace("SystemTime", "Time"), "missing_time"), (XML.replace("2024-05", "2024-15"), "bad_time")],
)
def test_an_event_without_a_time_is_refused(text, reason):
    """And one whose time is none."""
    with pytest.raises(Malformed, match=reason):
        list(events(Fields({"message": text})))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (("PGustavo", "THESHIRE", "S-1-5-21-1-2-3-1104"), "pgustavo@theshire"),
        (("pgustavo@THESHIRE.LOCAL", "THESHIRE.LOCAL", None), "pgustavo@theshire.local"),
        (("THESHIRE\\pgustavo", None, None), "pgustavo@theshire"),
        (("WORKSTATION5$", "THESHIRE", "S-1-5-18"), "workstation5$@theshire"),
        (("SYSTEM", "NT AUTHORITY", "S-1-5-18"), None),
        (("Système", "AUTORITE NT", None), None),
        (("AUTORITE NT\\Système", None, None), None),
        (("SYSTEM", "NT-AUTORITÄT", "S-1-5-18"), None),
        (("СИСТЕМА", "NT AUTHORITY", None), None),
        (("Lokaler Dienst", "X", "S-1-5-19"), None),
        (("ANONYMOUS LOGON", "NT AUTHORITY", "S-1-5-7"), None),
        (("-", "-", "S-1-0-0"), None),
        (("ian", "PC1", "S-1-0-0"), "ian@pc1"),
        ((None, "X", None), None),
    ],
)
def test_accounts_are_folded_and_the_systems_own_are_nobody(written, expected):
    """In any language; a machine's account stays, though it logs on at home under the system's SID."""
    assert expected == account(*written)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from([*FORMS, *UNNAMED]), st.data())
def test_any_values_under_the_right_names_give_events_or_a_reason(form, data):
    """Values of any type stand where texts are expected."""
    raw = json.loads(json.dumps((FORMS | UNNAMED)[form]))
    spoilt = _spoil(raw, data)
    try:
        for event in events(Fields(spoilt)):
            assert isinstance(event.ts, int)
    except Malformed as fault:
        assert str(fault) in {"missing_time", "bad_time", "no_windows_event"}  # noqa: PT017 - that none is raised is fine


def _spoil(raw, data):
    if not isinstance(raw, dict):
        return data.draw(JSON)
    name = data.draw(st.sampled_from(sorted(raw)))
    return {**raw, name: _spoil(raw[name], data)}
