"""Make pcaps/demo: a small office at work, and then one of its laptops scanning the others.

Everything is done by real programs in network namespaces (see netlab.py): DHCP by busybox udhcpc and ISC dhclient
against dnsmasq, DNS, curl against nginx (HTTP, TLS 1.2 and 1.3), OpenSSH, Samba (NTLM), MIT Kerberos, ping, nmap.
tcpdump listens on the office switch, as a sensor on a span port would.

    sudo python3 pcaps/make_demo.py [FOLDER]

`01-office.pcap` is ordinary work only; `02-office-scan.pcap` goes on with it, and in it LAPTOP-KJ42 runs nmap.
Timestamps are those of the day it ran; user behaviour is drawn with a fixed seed.
"""

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from netlab import Lab
from servers import authority, dhcp_client, dnsmasq, kdc, kinit, nginx, smb_client, smbd, ssh, sshd

SEED = 20
BENIGN_S, SCAN_S = 150.0, 60.0
DOMAIN = "office.example"
# RFC 5737 and RFC 3849 documentation addresses stand for the internet.
SITES = [
    ("www.example.com", "198.51.100.10", "TLSv1.3"),
    ("mail.example.net", "198.51.100.25", "TLSv1.3"),
    ("updates.example.net", "198.51.100.90", "http"),
    ("docs.example.com", "203.0.113.44", "TLSv1.2"),
    ("cdn.example.org", "203.0.113.45", "TLSv1.3"),
    ("cdn.example.org", "[2001:db8:ffff::45]", "TLSv1.3"),
    ("news.example.org", "203.0.113.80", "http"),
]
# name, host name, MAC (maker's prefix), last byte of the address, user, DHCP client
WORKSTATIONS = [
    ("mchen", "LAPTOP-MCHEN", "54:e1:ad:10:22:01", 101, "mia.chen", "udhcpc"),
    ("slind", "DESKTOP-ACC2", "f8:bc:12:4a:90:02", 102, "sara.lind", "dhclient"),
    ("thale", "DESKTOP-HR1", "f8:bc:12:4a:91:03", 103, "tom.hale", "udhcpc"),
    ("dfox", "WS-ITADMIN", "3c:d9:2b:55:07:04", 104, "dana.fox", "dhclient"),
    ("bortiz", "LAPTOP-KJ42", "54:e1:ad:77:31:05", 107, "ben.ortiz", "udhcpc"),
]
SERVERS = [
    ("dc01", "DC01", "00:15:5d:20:01:02", 2),
    ("files01", "FILES01", "00:11:32:8c:41:0a", 10),
    ("print01", "PRINT01", "00:80:77:3a:5e:14", 20),
]


def build(lab: Lab) -> None:
    """Build the office: switch, router, servers, workstations, a branch network and the internet behind the router."""
    lab.namespace("sw")
    lab.bridge("sw")
    lab.namespace("gw", forward=True)
    lab.plug("gw", "sw", mac="24:a4:3c:90:00:01")
    lab.address("gw", "10.20.0.1/24", "2001:db8:20::1/64")
    lab.namespace("inet")
    lab.wire("gw", "wan", "inet", "eth0")
    lab.address("gw", "192.0.2.2/30", "2001:db8:ee::2/64", device="wan", via=("192.0.2.1", "2001:db8:ee::1"))
    lab.address("inet", "192.0.2.1/30", "2001:db8:ee::1/64", via=("192.0.2.2", "2001:db8:ee::2"))
    for address in sorted({site[1] for site in SITES} | {"198.51.100.53", "203.0.113.22"}):
        lab.address("inet", f"{address.strip('[]')}/{128 if ':' in address else 32}", device="lo")
    lab.namespace("branch")
    lab.wire("gw", "branch", "branch", "eth0")
    lab.address("gw", "10.20.8.1/24", device="branch")
    lab.address("branch", "10.20.8.10/24", via=("10.20.8.1",))
    for name, _, mac, last in SERVERS:
        lab.namespace(name)
        lab.plug(name, "sw", mac=mac)
        lab.address(name, f"10.20.0.{last}/24", via=("10.20.0.1",))
        (lab.etc(name) / "resolv.conf").write_text(f"nameserver 10.20.0.2\nsearch {DOMAIN}\n")
    for name, _, mac, _, _, _ in WORKSTATIONS:
        lab.namespace(name)
        lab.plug(name, "sw", mac=mac)


def serve(lab: Lab) -> None:
    """Start the servers of the office and of the internet."""
    outside = [f"host-record={host},{address.strip('[]')},60" for host, address, _ in SITES]
    dnsmasq(
        lab,
        "inet",
        [
            *outside,
            "host-record=bastion.example.net,203.0.113.22,60",
            "txt-record=example.com,v=spf1 -all",
            "mx-host=example.com,mail.example.net,10",
            "listen-address=198.51.100.53",
            "bind-interfaces",
        ],
    )
    inside = [f"host-record={host.lower()}.{DOMAIN},10.20.0.{last},300" for _, host, _, last in SERVERS]
    dnsmasq(
        lab,
        "dc01",
        [
            *inside,
            f"local=/{DOMAIN}/",
            "server=198.51.100.53",
            "cache-size=50",
            "listen-address=10.20.0.2",
            "bind-interfaces",
        ],
    )
    leases = [f"dhcp-host={mac},10.20.0.{last}" for _, _, mac, last, _, _ in WORKSTATIONS]
    dnsmasq(
        lab,
        "gw",
        [
            *leases,
            "interface=eth0",
            "dhcp-range=10.20.0.100,10.20.0.199,8h",
            "dhcp-option=option:router,10.20.0.1",
            "dhcp-option=option:dns-server,10.20.0.2",
            f"domain={DOMAIN}",
            "dhcp-authoritative",
            "enable-ra",
            "dhcp-range=2001:db8:20::,ra-only,64",
        ],
        dns=False,
    )
    nginx(lab, "inet", SITES)
    nginx(lab, "files01", [(f"intranet.{DOMAIN}", "10.20.0.10", "http")])
    nginx(lab, "print01", [(f"print01.{DOMAIN}", "10.20.0.20", "http")])
    for name in ("files01", "inet"):
        sshd(lab, name)
    users = [workstation[4] for workstation in WORKSTATIONS]
    smbd(lab, "files01", users, "FILES01")
    kdc(lab, "dc01", "10.20.0.2", users, [f"cifs/files01.{DOMAIN}", f"host/files01.{DOMAIN}"])


class Person(threading.Thread):
    """One user at a workstation: arrives, logs in, then browses, reads files and looks names up until told to stop."""

    def __init__(self, lab: Lab, index: int, stop: threading.Event) -> None:
        super().__init__(name=WORKSTATIONS[index][0])
        self._lab, self._stopped, self._index = lab, stop, index
        self.host, self._netbios, _, _, self._user, self._dhcp = WORKSTATIONS[index]
        self._random = random.Random(SEED * 100 + index)  # noqa: S311 - user behaviour, not a secret
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Work."""
        try:
            self._stopped.wait(1.0 + 4.0 * self._index)
            dhcp_client(self._lab, self.host, self._netbios, program=self._dhcp)
            kinit(
                self._lab,
                self.host,
                self._user,
                f"cifs/files01.{DOMAIN}",
                transport="tcp" if self._index == 3 else "udp",
            )
            self._files()
            actions = (
                [self._browse] * 6 + [self._intranet] * 2 + [self._look_up] * 2 + [self._files, self._ping, self._print]
            )
            if self._user == "dana.fox":
                actions += [self._administer] * 4
            while not self._stopped.wait(self._random.expovariate(1 / 9.0) + 0.5):
                self._random.choice(actions)()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:  # the main thread raises it
            self.failure = error

    def _curl(self, url: str, *options: str) -> None:
        ca = str(authority(self._lab))
        self._lab.run(
            self.host, "curl", "-s", "-o", "/dev/null", "--max-time", "10", "--cacert", ca, *options, url, quiet=True
        )

    def _browse(self) -> None:
        host, _, protocol = self._random.choice(SITES)
        scheme = "http" if protocol == "http" else "https"
        pages = [
            f"{scheme}://{host}/{self._random.choice((300, 900, 900, 2400, 5200))}.html"
            for _ in range(self._random.randint(1, 2))
        ]
        self._curl(pages[0], *(["-o", "/dev/null", pages[1]] if len(pages) == 2 else []))

    def _intranet(self) -> None:
        self._curl(f"http://files01.{DOMAIN}/{self._random.choice((300, 2400))}.html")

    def _print(self) -> None:
        if self._random.random() < 0.3:
            self._curl(f"http://print01.{DOMAIN}:631/")  # IPP is off: the printer answers RST
        self._curl(f"http://print01.{DOMAIN}/900.html")

    def _look_up(self) -> None:
        name, kind = self._random.choice(
            [
                ("example.com", "MX"),
                ("example.com", "TXT"),
                ("cdn.example.org", "AAAA"),
                ("nosuch.example.org", "A"),
                (f"files01.{DOMAIN}", "A"),
            ]
        )
        self._lab.run(self.host, "dig", "+tries=1", name, kind, quiet=True)

    def _files(self) -> None:
        commands = self._random.choice(("ls", "get report-q3.txt /dev/null", "ls; get holidays.csv /dev/null"))
        smb_client(self._lab, self.host, self._netbios, self._user, f"files01.{DOMAIN}", commands)

    def _ping(self) -> None:
        self._lab.run(
            self.host,
            "ping",
            "-c",
            "2",
            "-i",
            "0.4",
            self._random.choice(("10.20.0.1", f"files01.{DOMAIN}", "2001:db8:20::1")),
            quiet=True,
        )

    def _administer(self) -> None:
        if self._random.random() < 0.75:
            ssh(self._lab, self.host, f"files01.{DOMAIN}", "uptime; sleep 1; df -h / | tail -1")
        else:
            ssh(self._lab, self.host, "bastion.example.net", "uptime; sleep 2")


def scan(lab: Lab) -> None:
    """LAPTOP-KJ42: look for file shares here and in the branch, then try the file server's ports."""
    lab.run("bortiz", "nmap", "-sS", "-T4", "-p", "445", "10.20.0.0/24")
    time.sleep(5)
    lab.run("bortiz", "nmap", "-n", "-Pn", "-sS", "-T4", "--max-retries", "1", "-p", "445", "10.20.8.0/24")
    time.sleep(5)
    lab.run("bortiz", "nmap", "-n", "-sS", "-T4", "10.20.0.10")


def main(folder: Path) -> None:
    """Build the office, let it work, capture it."""
    folder.mkdir(parents=True, exist_ok=True)
    with Lab() as lab:
        build(lab)
        serve(lab)
        stop = threading.Event()
        people = [Person(lab, index, stop) for index in range(len(WORKSTATIONS))]
        with lab.capture("sw", "br0", folder / "01-office.pcap"):
            for person in people:
                person.start()
            time.sleep(BENIGN_S)
        with lab.capture("sw", "br0", folder / "02-office-scan.pcap"):
            time.sleep(SCAN_S / 2)
            scan(lab)
            time.sleep(SCAN_S / 4)
            stop.set()
            for person in people:
                person.join(60)
        failures = [person.failure for person in people if person.failure]
        if failures:
            raise failures[0]


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "demo")
