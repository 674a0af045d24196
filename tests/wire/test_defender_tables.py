"""Which table of Defender's a row is of."""

import pytest

from sensor.wire.defender_tables import table_of
from sensor.wire.fields import Fields

BARE = {
    "emailevents": {"NetworkMessageId": "n", "EmailDirection": "Inbound", "DeliveryAction": "Blocked"},
    "emailpostdeliveryevents": {"NetworkMessageId": "n", "ActionTrigger": "ZAP", "Action": "Moved to quarantine"},
    "emailattachmentinfo": {"NetworkMessageId": "n", "FileName": "a.doc", "RecipientEmailAddress": "a@b.example"},
    "emailurlinfo": {"NetworkMessageId": "n", "Url": "https://evil.example/", "UrlDomain": "evil.example"},
    "urlclickevents": {"Url": "https://evil.example/", "IsClickedThrough": 1, "NetworkMessageId": "n"},
    "alertevidence": {"AlertId": "a", "EntityType": "User", "EvidenceRole": "Impacted", "NetworkMessageId": "n"},
    "alertinfo": {"AlertId": "a", "ServiceSource": "Microsoft Defender for Endpoint", "DetectionSource": "EDR"},
    "devicenetworkinfo": {"DeviceId": "d", "MacAddress": "00-0D", "IPAddresses": "[]"},
    "deviceinfo": {"DeviceId": "d", "PublicIP": "203.0.113.9", "OSPlatform": "Windows10"},
    "devicelogonevents": {"DeviceId": "d", "ActionType": "LogonSuccess", "LogonType": "Network"},
    "devicenetworkevents": {"DeviceId": "d", "ActionType": "ConnectionSuccess", "RemoteIP": "::1", "LocalIP": "::1"},
    "deviceprocessevents": {"DeviceId": "d", "ActionType": "ProcessCreated"},
    "deviceevents": {"DeviceId": "d", "ActionType": "AntivirusDetection", "ReportId": 7},
    "identitylogonevents": {"ActionType": "LogonFailed", "Application": "Active Directory", "LogonType": "Kerberos"},
    "identityqueryevents": {"ActionType": "LDAP query", "Application": "Active Directory", "QueryType": "AllUsers"},
    "identitydirectoryevents": {"ActionType": "SMB session", "Application": "AD", "DestinationDeviceName": "dc1"},
    "cloudappevents": {"ActionType": "FileDownloaded", "Application": "OneDrive", "RawEventData": '{"Id":"1"}'},
}


@pytest.mark.parametrize("table", BARE)
def test_a_bare_row_is_known_by_what_its_columns_hold(table):
    """A query's result does not say its table; exports of several tables leave the other tables' columns empty."""
    empty = dict.fromkeys({name for row in BARE.values() for name in row} - {"DestinationDeviceName"}, "")
    assert table == table_of(Fields({"Timestamp": "2024-05-01T10:00:00Z"} | BARE[table]))
    assert table == table_of(Fields({"Timestamp": "2024-05-01T10:00:00Z"} | empty | BARE[table]))


def test_the_hub_and_the_store_name_the_table():
    """Any table of the hub is Defender's; of Log Analytics those are that Defender writes."""
    assert "devicetvmsoftwareinventory" == table_of(Fields({"category": "AdvancedHunting-DeviceTvmSoftwareInventory"}))
    assert "emailevents" == table_of(Fields({"Type": "EmailEvents"}))
    assert None is table_of(Fields({"Type": "SigninLogs", "category": "SignInLogs"}))


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"Timestamp": "2024-05-01T10:00:00Z"},
        {"Timestamp": "2024-05-01T10:00:00Z", "DeviceId": "d"},
        {"Timestamp": "2024-05-01T10:00:00Z", "ActionType": "Failed", "Application": "shop"},
        {"Timestamp": "2024-05-01T10:00:00Z", "DeviceId": "d", "ActionType": "unlock"},
        {"Timestamp": "2024-05-01T10:00:00Z", "AlertId": "1"},
        {"Timestamp": "2024-05-01T10:00:00Z", "NetworkMessageId": "n"},
        {"NetworkMessageId": "n", "EmailDirection": "Inbound", "DeliveryAction": "Blocked"},
    ],
)
def test_other_records_are_of_no_table(row):
    """A record that lacks the columns of every table is somebody else's."""
    assert None is table_of(Fields(row))
