"""Miners and pools in the clear."""

import pytest

from sensor.packets.payload import Payload
from sensor.packets.stratum import Talk
from tests.packets.talks import AUTHORIZE, COMMON, CRYPTONOTE, ETHEREUM, NOTIFY, SUBSCRIBE


def said(*turns):
    """What a conversation tells: (method, agent, worker)."""
    talk = Talk()
    found = [one for is_orig, data in turns for one in talk.read(Payload(COMMON, data, is_orig))]
    return [(one.method, one.agent, one.worker) for one in found + talk.flush()]


def test_each_method_is_told_once_with_who_says_it():
    """Whatever the order of an object's names."""
    expected = [("mining.subscribe", "cgminer/4.11.1", None), ("mining.authorize", None, "ann.rig1")]
    expected += [("mining.notify", None, None)]
    assert expected == said((True, SUBSCRIBE + AUTHORIZE), (False, NOTIFY + NOTIFY), (True, AUTHORIZE))


def test_other_pools_logins_name_miner_and_wallet():
    """CryptoNote's and Ethereum's."""
    expected = [("login", "XMRig/6.21.0", "4A"), ("eth_submitLogin", None, "rig")]
    assert expected == said((True, CRYPTONOTE), (True, ETHEREUM))


@pytest.mark.parametrize(
    "line",
    [
        b'{"method":"login","params":{"login":"ann","pass":"x"}}',
        b'{"method":"login","params":["ann"]}',
        b'{"method":"login","params":{"agent":"shop/2"}}',
        b'{"method":"login","params":{"login":"ann","agent',
        b'{"method":"getinfo","params":[]}',
        b'{"method":"mining"}',
    ],
)
def test_somebody_elses_calls_are_none(line):
    """A login says who mines, and with what."""
    assert [] == said((True, line))


def test_a_line_that_was_cut_still_names_its_method():
    """Of a pool's long messages the first segment is read; nesting without end is damage."""
    assert [("mining.notify", None, None)] == said((False, NOTIFY[:40]))
    deep = b'{"method":"mining.submit","params":' + b"[" * 1_900
    assert [("mining.submit", None, None)] == said((True, deep))
