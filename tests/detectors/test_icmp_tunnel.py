"""Echo that carries what no ping carries, and pings that are pings."""

import pytest

from sensor.detectors import icmp_tunnel
from sensor.detectors.icmp_tunnel import IcmpTunnel, detector
from sensor.model.metadata import Ssh
from tests.detectors.archives import Kept
from tests.detectors.ticks import entities, joined, steps, tick
from tests.scenes import SECRET, common, flow, flows


def echo(orig="10.0.0.5", resp="203.0.113.7", *, at_s=0.0, each=56, back=None, count=4, sizes=()):
    """One flow of `count` echo requests of `each` payload bytes, answered with `back` bytes each."""
    back = each if back is None else back
    row = flow(orig, resp, at_s=at_s, duration_s=count - 1.0, proto=1, orig_port=8, port=0, uid=f"C{orig}{at_s}")
    row["orig_pkts"] = row["resp_pkts"] = count
    row["orig_bytes"], row["resp_bytes"] = each * count, back * count
    row["orig_ip_bytes"], row["resp_ip_bytes"] = (each + 28) * count, (back + 28) * count
    row["size_sq"] = count * ((each + 28.0) ** 2 + (back + 28.0) ** 2) + sum(2.0 * size**2 for size in sizes)
    return row


def run(*rows, known=None):
    known = known or entities()
    one = detector(known, SECRET)
    return steps(known, one, flows(*rows)), known, one


def test_replies_of_another_size_are_a_tunnel():
    """A shell in the replies: requests of 32 bytes, replies of 400; the rate is named as assumed."""
    found, _, one = run(echo(each=32, back=400))

    assert [("icmp_tunnel.echo/1", True, 1e-3)] == [(f.evidence.model, f.opens, f.evidence.p) for f in found]
    assert "replies carried another size" in found[0].evidence.text
    assert "assumed" in found[0].evidence.text
    assert ("T1095",) == found[0].techniques
    assert "judged" == one.coverage().state


def test_two_hosts_that_ask_each_other_at_length_are_a_tunnel():
    """A backdoor that answers by its own request: told once, of the side that sent more."""
    found, known, _ = run(
        echo(resp="10.0.0.9", each=788, count=2), echo("10.0.0.9", "10.0.0.5", at_s=5, each=1056, count=1)
    )

    assert [("10.0.0.5", True)] == [(f.name, f.opens) for f in found]
    assert "10.0.0.9" == found[0].peers[0].name
    assert known.device_id(known.locate(0, "10.0.0.5")) == found[0].evidence.entity.id


def sized(*sizes, at_s=0.0, lost=0):
    """One flow of echo requests of the given payload sizes; the last `lost` are not answered."""
    row = echo(at_s=at_s, each=0, count=len(sizes))
    back = sizes[: len(sizes) - lost]
    row["resp_pkts"] = len(back)
    for side, own in (("orig", sizes), ("resp", back)):
        row[f"{side}_bytes"], row[f"{side}_ip_bytes"] = sum(own), sum(own) + 28 * len(own)
    row["size_sq"] = sum((size + 28.0) ** 2 for size in (*sizes, *back))
    return row


def test_large_requests_of_many_sizes_are_a_tunnel_and_of_one_size_are_listed():
    """An MTU tried by pings of one size opens nothing."""
    of_many, _, _ = run(sized(*(200 + 31 * k % 977 for k in range(40))))
    of_one, _, _ = run(echo(each=1472, count=9))

    assert [True] == [f.opens for f in of_many]
    assert [(False, 0.05)] == [(f.opens, f.evidence.p) for f in of_one]


def test_large_messages_of_many_sizes_from_outside_are_a_tunnel():
    """The replies of a tunnel whose other end answers from a second address; of one size they are a spoofed ping's."""
    many, one = sized(*(200 + 31 * k % 977 for k in range(40))), sized(*[1200] * 40)
    for row in (many, one):
        row["orig_hi"], row["resp_hi"], row["orig_lo"], row["resp_lo"] = (
            row[name].copy() for name in ("resp_hi", "orig_hi", "resp_lo", "orig_lo")
        )
        row["resp_pkts"] = row["resp_bytes"] = row["resp_ip_bytes"] = 0
        row["size_sq"] /= 2
        row["orig_p"], row["resp_p"] = 0, 8
    alive = [flow("10.0.0.9", "10.0.0.5"), flow("10.0.0.5", "10.0.0.9")]

    assert [True] == [f.opens for f in run(*alive, many)[0]]
    assert [] == run(*alive, one)[0]


def test_late_replies_to_a_large_ping_are_no_tunnel():
    """They come as a flow of their own, and nobody asked from the other side."""
    late = echo("203.0.113.7", "10.0.0.5", at_s=900, each=1400, back=0, count=9)
    late["orig_p"], late["resp_p"], late["resp_pkts"] = 0, 8, 0
    alive = [flow("10.0.0.9", "10.0.0.5"), flow("10.0.0.5", "10.0.0.9")]

    found, _, _ = run(*alive, echo(each=1400, count=9), late)

    assert [False] == sorted({f.opens for f in found})


@pytest.mark.parametrize("lost", [0, 1, 5])
@pytest.mark.parametrize("sizes", [[56] * 20 + [1400] * 20, [56] * 4 + [1400] * 300, [32, 1472, 1472, 1472, 1472]])
def test_an_ordinary_ping_and_a_large_one_are_no_tunnel(sizes, lost):
    """Both are one flow, of two sizes, whatever was lost of the larger; it is listed, and opens nothing."""
    lost = min(lost, len(sizes) - 1)
    found, _, _ = run(sized(*sizes, lost=lost))

    assert all(not f.opens for f in found)


def test_a_mtu_searched_by_halving_is_no_tunnel():
    """Eight sizes of four pings each."""
    sizes = [size for size in (1472, 1376, 1424, 1448, 1460, 1466, 1463, 1464) for _ in range(4)]
    found, _, _ = run(sized(*sizes, lost=9))

    assert [False] == [f.opens for f in found]


def test_replies_lost_in_a_log_are_no_tunnel():
    """A log tells no single sizes: two sizes of which replies were lost may be pings, longer replies are not."""
    pings, tunnel = sized(*[56] * 6, *[1400] * 6, lost=4), echo(resp="203.0.113.8", each=64, back=1400, count=6)
    tunnel["resp_pkts"] = 5
    for row in (pings, tunnel):
        row["size_sq"] = float("nan")
    found, _, _ = run(pings, tunnel)

    assert ["203.0.113.8"] == [f.peers[0].id for f in found if f.opens]


@pytest.mark.parametrize("each", [0, 8, 32, 56, 76])
def test_pings_are_pings(each):
    """Whatever the count: a day's monitoring by small requests, lost replies included, says nothing."""
    lossy = echo(at_s=300, each=each, count=10)
    lossy["resp_pkts"], lossy["resp_bytes"] = 7, 7 * each

    found, _, one = run(*(echo(at_s=60 * k, each=each, count=60) for k in range(20)), lossy)

    assert [] == found
    assert ("judged" if each else "no_input") == one.coverage().state


def test_a_tunnel_of_a_day_is_one_evidence_that_grows():
    """The same id for the day, another the next."""
    rows = [echo(at_s=60 * k, each=64, back=512) for k in (0, 1, 2, 1440)]
    found, _, _ = run(*rows)

    assert [3 * 4 * 576.0, 4 * 576.0] == [f.evidence.observed for f in found]


def test_an_asker_from_outside_is_told_of_at_the_device_that_answers():
    """Only a local device is a subject."""
    found, _, _ = run(flow("10.0.0.9", "10.0.0.5"), echo("203.0.113.7", "10.0.0.5", at_s=10, each=64, back=300))

    assert [("10.0.0.5", "203.0.113.7")] == [(f.name, f.peers[0].name) for f in found]


def test_what_was_observed_is_counted_again():
    """By SQL over the archive and from the basis; what has expired is not."""
    rows = [echo(at_s=60 * k, each=64, back=512) for k in range(3)] + [echo(resp="10.0.0.9", at_s=7)]
    found, known, _ = run(*rows)
    evidence = found[0].evidence

    assert evidence.observed == icmp_tunnel.recount(evidence, Kept(known, flows(*rows)))
    assert evidence.p == icmp_tunnel.again(evidence)
    assert icmp_tunnel.recount(evidence, Kept(known, flows(*rows), since_ns=1 << 62)) is None


def test_save_and_load_is_identity():
    """The day's counts go on after a restart, and with a device that turned out to be another."""
    known = entities()
    first, second = IcmpTunnel(known, SECRET), IcmpTunnel(known, SECRET)
    steps(known, first, flows(flow("10.0.0.5", "10.0.0.6"), flow("10.0.0.6", "10.0.0.5"), echo(each=64, back=512)))
    second.load(first.save())
    joined(known, second, "10.0.0.6", "10.0.0.5")
    found = steps(known, second, flows(echo("10.0.0.6", at_s=60, each=64, back=512)))

    assert [8 * 576.0] == [f.evidence.observed for f in found]
    assert [] == second.score(tick(known, flows()))
    assert second.saturation["icmp_pairs"] < 0.01
    assert [1, 0] == (second.save()["seen"] - first.save()["seen"]).tolist()


def test_echo_of_a_step_is_bounded(monkeypatch):
    """Beyond the cap it is only counted, and the coverage says so."""
    monkeypatch.setattr(icmp_tunnel, "STEP_MAX", 3)
    known = entities()
    one = detector(known, SECRET)
    one.score(tick(known, flows(*(echo(at_s=k / 10, count=1) for k in range(9)))))

    assert 6 == one.uncounted
    assert "only counted" in one.coverage().why


def banner(ts=1.0, *, proto=1, client="SSH-2.0-OpenSSH_9.2", orig="10.0.0.5", resp="203.0.113.7"):
    """An SSH identification, found in an echo."""
    said = common(ts, orig, resp) | {"proto": proto, "orig_p": 8, "resp_p": 0, "uid": "Cicmp"}
    return Ssh(**said, client=client)


@pytest.mark.parametrize("proto", [1, 58])
def test_ssh_in_echo_is_told_once_a_day_and_pair(proto):
    """Whatever the sizes; both hosts' lines are one."""
    known = entities()
    one = detector(known, SECRET)
    found = one.score(tick(known, flows(echo()), messages=[banner(proto=proto), banner(2.0, proto=proto)]))
    again = one.score(tick(known, flows(echo(at_s=60.0)), messages=[banner(61.0, proto=proto)]))
    assert [("icmp_tunnel.ssh/1", True)] == [(f.evidence.model, f.opens) for f in found]
    assert "SSH-2.0-OpenSSH_9.2" in found[0].evidence.text
    assert found[0].evidence.p == icmp_tunnel.again(found[0].evidence)
    assert [] == again


def test_ssh_over_tcp_is_no_tunnel_in_echo():
    """It is what SSH is for."""
    known = entities()
    assert [] == detector(known, SECRET).score(tick(known, flows(echo()), messages=[banner(proto=6)]))


def test_ssh_asked_for_from_outside_is_told_of_at_the_device_that_answers():
    """And what was told is remembered over a restart."""
    known = entities()
    one = detector(known, SECRET)
    one.score(tick(known, flows(echo())))
    step = tick(known, flows(echo(at_s=60.0)), messages=[banner(61.0, orig="203.0.113.7", resp="10.0.0.5")])
    (found,) = one.score(step)
    other = detector(known, SECRET)
    other.load(one.save())
    assert known.locate(0, "10.0.0.5") == found.device
    assert [] == other.score(step)


def test_ssh_in_echo_is_counted_again_in_the_archive():
    """By its flow's id; without the record it is no pass."""
    known = entities()
    (found,) = detector(known, SECRET).score(tick(known, flows(echo()), messages=[banner()]))
    kept = Asked([(1,)])
    assert 1.0 == icmp_tunnel.recount(found.evidence, kept)
    assert "Cicmp" in kept.parameters
    assert 0.0 == icmp_tunnel.recount(found.evidence, Asked([(0,)]))
    assert icmp_tunnel.recount(found.evidence, Asked([(1,)], since_ns=1 << 62)) is None


class Asked:
    """An archive that has one answer."""

    def __init__(self, answer, since_ns=0):
        self.since_ns, self._answer, self.parameters = since_ns, answer, ()

    def rows(self, _query, parameters):
        """Return it, and remember what was asked for."""
        self.parameters = parameters
        return self._answer
