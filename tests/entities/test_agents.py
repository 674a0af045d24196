"""Agents of sign-ins."""

import pytest

from sensor.entities.agents import agent_of

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0 Safari/537.36"


def test_a_new_version_is_no_new_agent():
    """Another browser is."""
    assert agent_of(CHROME.format(120), None, None) == agent_of(CHROME.format("121.0.1"), None, None)
    assert agent_of(CHROME.format(120), None, None) != agent_of(CHROME.format("120") + " Edg/120.0", None, None)
    assert agent_of("", "Windows 10", "Browser") == agent_of(None, "Windows 11", "Browser")


@pytest.mark.parametrize(
    ("agent", "system", "expected"),
    [(CHROME, None, False), ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)", None, True),
     (None, "Ios 17", True), ("okhttp/4.9", None, True), (None, None, False),
     ("Mozilla/5.0 (Linux; Android 14; Pixel 8) Mobile Safari", None, True), ("python-requests/2.31", None, False)],
)  # fmt: skip
def test_what_is_held_in_the_hand(agent, system, expected):
    """By the agent or by the system."""
    assert expected == agent_of(agent, system, None)[1]


def test_nothing_said_is_no_agent():
    """Also where only digits are."""
    assert [(None, False)] * 2 == [agent_of(None, None, None), agent_of("12.3", None, "Browser")]
