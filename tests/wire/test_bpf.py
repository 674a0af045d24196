"""Filters are what libpcap makes of them."""

import re
import struct
import subprocess

import pytest

from sensor.errors import ConfigError
from sensor.wire import bpf

pytestmark = pytest.mark.skipif(bpf.library() is None, reason="needs libpcap")


@pytest.mark.needs_tool("tcpdump")
@pytest.mark.parametrize("text", ["not port 22", "tcp and net 10.0.0.0/8", "ip6 or arp", "host 192.0.2.1"])
def test_a_filter_is_compiled_as_by_tcpdump(text):
    """The very same instructions."""
    command = ["tcpdump", "-y", "EN10MB", "-ddd", "-s", str(bpf.SNAPLEN), text]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")[1:]
    expected = [tuple(map(int, line.split())) for line in lines if line]
    assert expected == list(struct.iter_unpack("=HBBI", bpf.compiled(text)))


def test_raw_frames_are_filtered_from_their_first_byte():
    """A tunnel has no Ethernet header."""
    assert bpf.compiled("tcp") != bpf.compiled("tcp", ethernet=False)


@pytest.mark.parametrize(("text", "why"), [("prot 22", "syntax error"), ("vlan 5", "leave tags to the sensor")])
def test_a_filter_that_cannot_be_is_refused(text, why):
    """With libpcap's own words, or ours."""
    with pytest.raises(ConfigError, match=re.escape(why)):
        bpf.compiled(text)


def test_without_libpcap_it_is_said(monkeypatch):
    """With the remedy."""
    monkeypatch.setattr(bpf, "library", lambda: None)
    with pytest.raises(ConfigError, match=r"apt install libpcap0\.8"):
        bpf.compiled("tcp")
