"""Windows events as XML, read by pattern."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.wire import windows_xml

EVENT = (
    "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>"
    "<Provider Name='Microsoft-Windows-Security-Auditing' Guid='{54849625-5478-4994-a5ba-3e3b0328c30d}'/>"
    "<EventID>4625</EventID><Version>0</Version><Keywords>0x8010000000000000</Keywords>"
    "<TimeCreated SystemTime='2024-05-01T10:00:00.1234567Z'/><EventRecordID>77</EventRecordID><Correlation/>"
    "<Execution ProcessID='600' ThreadID='604'/><Channel>Security</Channel><Computer>pc1.example.com</Computer>"
    "<Security UserID='S-1-5-18'/></System><EventData><Data Name='TargetUserName'>J&amp;B &#233;</Data>"
    "<Data Name=\"IpAddress\">192.0.2.7</Data><Data Name='Empty'></Data><Data Name='None'/></EventData></Event>"
)


def test_system_and_named_data_become_names_and_texts():
    """Attributes stand in either quote, entities are resolved, empty values are empty."""
    assert windows_xml.system(EVENT) == {
        "Provider": "Microsoft-Windows-Security-Auditing",
        "SystemTime": "2024-05-01T10:00:00.1234567Z",
        "UserID": "S-1-5-18",
        "EventID": "4625",
        "Channel": "Security",
        "Computer": "pc1.example.com",
        "EventRecordID": "77",
        "Keywords": "0x8010000000000000",
    }
    assert {"TargetUserName": "J&B é", "IpAddress": "192.0.2.7", "Empty": "", "None": ""} == windows_xml.named_data(
        EVENT
    )


def test_user_data_and_unnamed_data_are_read():
    """The elements of UserData have names of their own; unnamed values are numbered."""
    cleared = "<UserData><LogFileCleared xmlns='x'><SubjectUserName>ann</SubjectUserName></LogFileCleared></UserData>"
    assert {"SubjectUserName": "ann"} == windows_xml.named_data(f"</System>{cleared}")
    assert {"param1": "a", "param2": "b"} == windows_xml.named_data("</System><Data>a</Data><Data>b</Data>")


def test_a_text_may_hold_many_events():
    """Event Viewer saves all of them on one line below `<Events>`."""
    text = f"<?xml version='1.0'?><Events>{EVENT}{EVENT}</Events>"
    assert windows_xml.looks_like_event(text)
    assert ["4625", "4625"] == [windows_xml.system(one)["EventID"] for one in windows_xml.events(text)]


@pytest.mark.parametrize("text", ["", "<html>", "<34>1 - - - - - -", "Event", "<?xml version='1.0'?><a/>"])
def test_other_texts_are_no_events(text):
    """Nor are they searched."""
    assert not windows_xml.looks_like_event(text)


@pytest.mark.parametrize(
    "piece", ["<Data Name='", "<Data Name='a'>", "<Data>", "<a b", "<a>x</b>", "<Provider ", "<Event ", "<Security "]
)
def test_unfinished_elements_cost_no_more_than_their_length(piece):
    """A megabyte of openings is read in under a second; a pattern that starts over at each would take hours."""
    text = f"<Event ><System></System><UserData>{piece * (windows_xml.TEXT_CHARS // len(piece))}"
    began = time.process_time()
    for one in windows_xml.events(text):
        windows_xml.system(one)
        windows_xml.named_data(one)
    assert time.process_time() - began < 1


@given(st.text(alphabet="<>/='\" DataNmeEvntSysUP&;#1", max_size=300))
def test_any_text_gives_texts(text):
    """Nothing is raised, whatever stands there."""
    for one in (text, *windows_xml.events(text)):
        found = {**windows_xml.system(one), **windows_xml.named_data(one)}
        assert all(isinstance(value, str) for value in found.values())
