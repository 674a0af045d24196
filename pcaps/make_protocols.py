"""Make pcaps/protocols: one small capture a protocol or situation, each by real programs in network namespaces.

    sudo python3 pcaps/make_protocols.py [FOLDER [NAME...]]

A client (10.30.0.20, MAC 54:e1:ad:30:00:20) and a server (10.30.0.10, MAC 00:15:5d:30:00:10) on one switch, joined by
a second network behind the server for what needs a router. What this kernel cannot do (a tunnel kind, netem) is said
and left out. README.md lists what each capture shows.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from netlab import Lab
from servers import REALM, authority, dhcp_client, dnsmasq, kdc, kinit, nginx, smb_client, smbd, ssh, sshd

CLIENT, SERVER = "10.30.0.20", "10.30.0.10"
CLIENT6, SERVER6 = "2001:db8:30::20", "2001:db8:30::10"
DOMAIN = "lab.example"


def pair(lab: Lab) -> None:
    """Build client and server on one switch; every scene but the link ones starts with it."""
    lab.namespace("sw")
    lab.bridge("sw")
    for name, mac, addresses in (
        ("server", "00:15:5d:30:00:10", (f"{SERVER}/24", f"{SERVER6}/64")),
        ("client", "54:e1:ad:30:00:20", (f"{CLIENT}/24", f"{CLIENT6}/64")),
    ):
        lab.namespace(name)
        lab.plug(name, "sw", mac=mac)
        lab.address(name, *addresses)
    (lab.etc("client") / "resolv.conf").write_text(f"nameserver {SERVER}\nsearch {DOMAIN}\n")
    hosts = "".join(
        f"{SERVER} {host}.{DOMAIN}\n{SERVER6} {host}6.{DOMAIN}\n" for host in ("www", "old", "files", "kdc")
    )
    (lab.etc("client") / "hosts").write_text(f"127.0.0.1 localhost client\n{hosts}")


def _curl(lab: Lab, *words: str) -> None:
    lab.run("client", "curl", "-s", "-o", "/dev/null", "--cacert", str(authority(lab)), "-m", "8", *words, quiet=True)


def web(lab: Lab, out: Path) -> None:
    """HTTP: two requests over one connection, POST, HEAD, 404; TLS 1.3 and 1.2, over IPv4 and IPv6; a refused name."""
    pair(lab)
    _sites(lab)
    with lab.capture("sw", "br0", out):
        _curl(lab, f"http://www.{DOMAIN}/300.html", "-o", "/dev/null", f"http://www.{DOMAIN}/2400.html")
        _curl(lab, "-A", "lab-agent/1.0", "-e", f"http://www.{DOMAIN}/", f"http://www.{DOMAIN}/missing.html")
        _curl(lab, "-d", "name=mia&size=4", f"http://www.{DOMAIN}/300.html")
        _curl(lab, "-I", f"http://www.{DOMAIN}/300.html")
        for url in (
            f"https://www.{DOMAIN}/900.html",
            f"https://old.{DOMAIN}/900.html",
            f"https://www6.{DOMAIN}/900.html",
        ):
            _curl(lab, url)
        _curl(lab, "--http1.1", f"https://www.{DOMAIN}/300.html")
        _curl(lab, "--resolve", f"other.{DOMAIN}:443:{SERVER}", f"https://other.{DOMAIN}/")


def _sites(lab: Lab) -> None:
    sites = [
        (f"www.{DOMAIN}", SERVER, "http"),
        (f"www.{DOMAIN}", SERVER, "TLSv1.3"),
        (f"old.{DOMAIN}", SERVER, "TLSv1.2"),
    ]
    nginx(lab, "server", [*sites, (f"www6.{DOMAIN}", f"[{SERVER6}]", "TLSv1.3")])


def tls_split(lab: Lab, out: Path) -> None:
    """A ClientHello in several TCP segments: the path to the server carries only 256 bytes."""
    pair(lab)
    _sites(lab)
    lab.run("client", "ip", "route", "replace", f"{SERVER}/32", "dev", "eth0", "mtu", "lock", "256")
    with lab.capture("sw", "br0", out):
        _curl(lab, f"https://www.{DOMAIN}/300.html")
        _curl(lab, f"https://old.{DOMAIN}/300.html")


def dns(lab: Lab, out: Path) -> None:
    """dig: A, AAAA, CNAME, MX, TXT, PTR, SRV, ANY over TCP, without EDNS, NXDOMAIN, and a port where nobody answers."""
    pair(lab)
    records = [
        f"host-record=www.{DOMAIN},{SERVER},{SERVER6}",
        f"cname=alias.{DOMAIN},www.{DOMAIN}",
        f"mx-host={DOMAIN},www.{DOMAIN},10",
    ]
    records += [
        f"txt-record={DOMAIN},v=spf1 -all",
        f"srv-host=_ldap._tcp.{DOMAIN},www.{DOMAIN},389",
        f"local=/{DOMAIN}/",
    ]
    dnsmasq(lab, "server", [*records, *[f"host-record=many.{DOMAIN},198.51.100.{n}" for n in range(1, 41)]])
    with lab.capture("sw", "br0", out):
        for words in (
            ["www"],
            ["www", "AAAA"],
            ["alias"],
            ["MX", f"{DOMAIN}."],
            ["TXT", f"{DOMAIN}."],
            ["_ldap._tcp", "SRV"],
            ["nosuch"],
            ["-x", SERVER],
            ["+tcp", "many"],
            ["+noedns", "many"],
            ["+noedns", "www"],
            ["-6", f"@{SERVER6}", "www"],
        ):
            lab.run("client", "dig", "+search", "+tries=1", *words, quiet=True)
        lab.run("client", "dig", "+tries=1", "+timeout=1", "-p", "5399", "www", quiet=True)


def dhcp(lab: Lab, out: Path) -> None:
    """A lease by busybox udhcpc and one by ISC dhclient, each with a host name, then a release."""
    pair(lab)
    for name, mac in (("phone", "3c:22:fb:30:00:31"), ("desk", "f8:bc:12:30:00:32")):
        lab.namespace(name)
        lab.plug(name, "sw", mac=mac)
    dnsmasq(
        lab,
        "server",
        [
            "interface=eth0",
            "dhcp-range=10.30.0.100,10.30.0.150,2h",
            f"domain={DOMAIN}",
            "dhcp-authoritative",
            f"dhcp-option=option:router,{SERVER}",
            f"dhcp-option=option:dns-server,{SERVER}",
        ],
        dns=False,
    )
    with lab.capture("sw", "br0", out, "port", "67", "or", "port", "68", "or", "arp"):
        dhcp_client(lab, "phone", "PHONE-7", program="udhcpc")
        dhcp_client(lab, "desk", "DESK-12", program="dhclient")
        lab.run(
            "desk",
            "dhclient",
            "-r",
            "-sf",
            "/bin/true",
            "-lf",
            f"{lab.scratch}/leases-desk.db",
            "-pf",
            f"{lab.scratch}/dhclient-desk.pid",
            "eth0",
            quiet=True,
        )


def ssh_sessions(lab: Lab, out: Path) -> None:
    """OpenSSH: a command, a session of some seconds, a key that is refused, a file copied with scp."""
    pair(lab)
    sshd(lab, "server")
    with lab.capture("sw", "br0", out):
        ssh(lab, "client", f"files.{DOMAIN}", "true")
        ssh(lab, "client", f"files6.{DOMAIN}", "for i in 1 2 3; do echo line $i; sleep 1; done")
        stranger = lab.scratch / "stranger"
        subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(stranger)], check=True)
        lab.run(
            "client",
            "ssh",
            "-F",
            "none",
            "-i",
            str(stranger),
            "-o",
            "BatchMode=yes",
            "-o",
            "StrictHostKeyChecking=no",
            "-o",
            "UserKnownHostsFile=/dev/null",
            f"root@files.{DOMAIN}",
            "true",
            quiet=True,
        )
        source = lab.scratch / "notes.txt"
        source.write_text("notes\n" * 500)
        lab.run(
            "client",
            "scp",
            "-q",
            "-F",
            "none",
            "-i",
            f"{lab.scratch}/user",
            "-o",
            f"UserKnownHostsFile={lab.scratch}/known-client",
            "-o",
            "StrictHostKeyChecking=no",
            str(source),
            f"root@files.{DOMAIN}:{lab.scratch}/copied.txt",
        )


def accounts(lab: Lab, out: Path) -> None:
    """Kerberos over UDP and TCP (AS with pre-authentication, TGS, a wrong password), SMB with NTLM right and wrong."""
    pair(lab)
    kdc(lab, "server", SERVER, ["mia.chen", "ben.ortiz"], [f"host/files.{DOMAIN}"])
    smbd(lab, "server", ["mia.chen", "ben.ortiz"], "FILES")
    with lab.capture("sw", "br0", out):
        kinit(lab, "client", "mia.chen", f"host/files.{DOMAIN}@{REALM}")
        kinit(lab, "client", "ben.ortiz", f"host/files.{DOMAIN}@{REALM}", transport="tcp")
        lab.run(
            "client",
            "kinit",
            "mia.chen",
            stdin="wrong\n",
            quiet=True,
            env={"KRB5_CONFIG": f"{lab.scratch}/krb5-udp.conf", "KRB5CCNAME": f"FILE:{lab.scratch}/none"},
        )
        smb_client(lab, "client", "DESK-12", "mia.chen", f"files.{DOMAIN}", "ls")
        smb_client(lab, "client", "DESK-12", "ben.ortiz", f"files.{DOMAIN}", "ls", password="wrong")  # noqa: S106 - meant to fail


def icmp(lab: Lab, out: Path) -> None:
    """ping and arping, 4,000-byte pings and datagrams in fragments, TTL exceeded, port, host and net unreachable."""
    pair(lab)
    lab.run("server", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    lab.run("server", "ip", "route", "add", "unreachable", "203.0.113.0/24")
    lab.address("client", via=(SERVER,))
    with lab.capture("sw", "br0", out):
        lab.run("client", "ping", "-c", "3", "-i", "0.3", SERVER)
        lab.run("client", "ping", "-c", "2", "-i", "0.3", "-s", "4000", SERVER)
        lab.run("client", "ping", "-c", "2", "-i", "0.3", SERVER6)
        lab.run("client", "ping", "-c", "2", "-i", "0.3", "-s", "4000", SERVER6)
        lab.run("client", "arping", "-c", "2", "-i", "eth0", SERVER, quiet=True)
        lab.run("client", "ping", "-c", "1", "-W", "1", "-t", "1", "198.51.100.1", quiet=True)
        lab.run("client", "ping", "-c", "1", "-W", "1", "203.0.113.9", quiet=True)
        lab.run("client", "ping", "-c", "1", "-W", "4", "10.30.0.77", quiet=True)
        for family, address in (("udp4", SERVER), ("udp6", SERVER6)):
            lab.run(
                "client",
                "socat",
                "-b",
                "6000",
                "-u",
                "OPEN:/dev/zero,readbytes=6000",
                f"{family}-sendto:[{address}]:9999" if family == "udp6" else f"{family}-sendto:{address}:9999",
                quiet=True,
            )


def refused(lab: Lab, out: Path) -> None:
    """TCP that comes to nothing: a closed port (RST), a dropped one (SYN retried), a connection reset midway."""
    pair(lab)
    lab.run(
        "server",
        "nft",
        "add table inet f; add chain inet f i { type filter hook input priority 0; };"
        " add rule inet f i tcp dport 8443 drop",
    )
    lab.start("server", "socat", "TCP4-LISTEN:7000,reuseaddr,fork,linger=0", "SYSTEM:sleep 0.3; kill -9 $PPID")
    time.sleep(0.5)
    with lab.capture("sw", "br0", out):
        _curl(lab, f"http://www.{DOMAIN}:8080/")
        _curl(lab, "-m", "4", f"https://www.{DOMAIN}:8443/")
        _curl(lab, "-m", "3", f"http://www.{DOMAIN}:7000/")


def scans(lab: Lab, out: Path) -> None:
    """nmap on one host, 20 ports each: SYN, connect, FIN, Xmas, NULL, ACK scans; 6 ports by UDP; service detection."""
    pair(lab)
    _sites(lab)
    sshd(lab, "server")
    with lab.capture("sw", "br0", out):
        for kind in ("-sS", "-sT", "-sF", "-sX", "-sN", "-sA"):
            lab.run("client", "nmap", "-n", "-Pn", kind, "-T4", "--top-ports", "20", SERVER)
        lab.run(
            "client", "nmap", "-n", "-Pn", "-sU", "-T4", "--max-retries", "0", "-p", "53,67,123,137,161,500", SERVER
        )
        lab.run("client", "nmap", "-n", "-Pn", "-sV", "--version-light", "-p", "22,80", SERVER)


def beacon(lab: Lab, out: Path) -> None:
    """curl in a loop, every 4 s with a little jitter, the same small request: 15 connections of a simple beacon."""
    pair(lab)
    _sites(lab)
    with lab.capture("sw", "br0", out, "tcp"):
        for turn in range(15):
            _curl(lab, f"https://www.{DOMAIN}/300.html")
            time.sleep(3.8 + (turn * 7 % 5) * 0.1)


def vlan(lab: Lab, out: Path) -> None:
    """A trunk between two switches with VLANs 10 and 20: the same addresses in both, ping and HTTP, 802.1Q tags."""
    for switch in ("left", "right"):
        lab.namespace(switch)
    lab.wire("left", "trunk", "right", "trunk")
    for tag in (10, 20):
        for switch, name, last in (("left", f"client{tag}", 20), ("right", f"server{tag}", 10)):
            lab.namespace(name)
            lab.wire(name, "eth0", switch, f"port{tag}", a_mac=f"00:15:5d:40:{tag:02d}:{last:02d}")
            lab.run(switch, "ip", "link", "set", f"port{tag}", "promisc", "on")
            lab.address(name, f"10.30.0.{last}/24")
    for switch in ("left", "right"):
        for device in ("trunk", "port10", "port20"):
            lab.run(switch, "sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1")
        lab.run(switch, "ip", "link", "set", "trunk", "promisc", "on")
        lab.start(
            switch,
            sys.executable,
            str(Path(__file__).resolve().parent / "tagger.py"),
            "trunk",
            "port10=10",
            "port20=20",
        )
    for tag in (10, 20):
        nginx(lab, f"server{tag}", [(f"www.{DOMAIN}", SERVER, "http")])
    with lab.capture("left", "trunk", out):
        for tag in (10, 20):
            lab.run(f"client{tag}", "ping", "-c", "2", "-i", "0.3", SERVER)
            lab.run(f"client{tag}", "curl", "-s", "-o", "/dev/null", f"http://{SERVER}/900.html", quiet=True)


TUNNELS = {
    "vxlan": ("type", "vxlan", "id", "7070", "dstport", "4789"),
    "geneve": ("type", "geneve", "id", "7071"),
    "gre": ("type", "gre", "key", "7072"),
    "ipip": ("type", "ipip"),
    "sit": ("type", "sit"),
}


def tunnel(kind: str) -> Callable[[Lab, Path], None]:
    """Return the scene of one kind of tunnel, made by the kernel."""

    def scene(lab: Lab, out: Path) -> None:
        pair(lab)
        for name, mine, other, inner in (("server", SERVER, CLIENT, 1), ("client", CLIENT, SERVER, 2)):
            local = ("local", mine) if kind != "geneve" else ()
            lab.run(name, "ip", "link", "add", "tun", *TUNNELS[kind], *local, "remote", other)
            lab.run(name, "ip", "link", "set", "tun", "up")
            lab.address(
                name,
                *([] if kind == "sit" else [f"172.30.0.{inner}/24"]),
                *([] if kind == "ipip" else [f"fd30::{inner}/64"]),
                device="tun",
            )
        site = "[fd30::1]" if kind == "sit" else "172.30.0.1"
        nginx(lab, "server", [(f"www.{DOMAIN}", site, "http")])
        with lab.capture("sw", "br0", out):
            lab.run("client", "ping", "-c", "2", "-i", "0.3", site.strip("[]"))
            lab.run("client", "curl", "-gs", "-o", "/dev/null", f"http://{site}/2400.html", quiet=True)

    scene.__doc__ = f"Ping and HTTP through a {kind} tunnel of the Linux kernel."
    return scene


SCENES: dict[str, Callable[[Lab, Path], None]] = {
    "web": web,
    "tls-split": tls_split,
    "dns": dns,
    "dhcp": dhcp,
    "ssh": ssh_sessions,
    "accounts": accounts,
    "icmp": icmp,
    "refused": refused,
    "scans": scans,
    "beacon": beacon,
    "vlan": vlan,
    **{kind: tunnel(kind) for kind in TUNNELS},
}


def main(folder: Path, names: list[str]) -> None:
    """Make the scenes named, or all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or SCENES:
        try:
            with Lab() as lab:
                SCENES[name](lab, folder / f"{name}.pcap")
            print(f"{name}.pcap: {(folder / f'{name}.pcap').stat().st_size} bytes")
        except RuntimeError as error:
            print(f"{name}: left out: {error}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "protocols", sys.argv[2:])
