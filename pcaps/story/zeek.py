"""What a sensor at one site logs, as Zeek's TSV: conn, dns, ssl, dhcp, kerberos, ntlm, smb_mapping.

Columns and types are those of Zeek 7 (https://docs.zeek.org/en/master/script-reference/log-files.html). A line is
written when its connection ends, as Zeek does, so a log is not in the order of `ts`.
"""

import base64
import gzip
import random
import zlib
from pathlib import Path
from typing import BinaryIO

_IDS = "ts uid id.orig_h id.orig_p id.resp_h id.resp_p"
_ID_TYPES = "time string addr port addr port"
COLUMNS = {
    "conn": (
        (
            f"{_IDS} proto service duration orig_bytes resp_bytes conn_state local_orig local_resp missed_bytes "
            "history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents ip_proto"
        ),
        (
            f"{_ID_TYPES} enum string interval count count string bool bool count string count count count count "
            "set[string] count"
        ),
    ),
    "dns": (
        (
            f"{_IDS} proto trans_id rtt query qclass qclass_name qtype qtype_name rcode rcode_name AA TC RD RA Z "
            "answers TTLs rejected"
        ),
        (
            f"{_ID_TYPES} enum count interval string count string count string count string bool bool bool bool count "
            "vector[string] vector[interval] bool"
        ),
    ),
    "ssl": (
        (
            f"{_IDS} version cipher curve server_name resumed last_alert next_protocol established ssl_history "
            "cert_chain_fps client_cert_chain_fps sni_matches_cert"
        ),
        f"{_ID_TYPES} string string string string bool string string bool string vector[string] vector[string] bool",
    ),
    "dhcp": (
        (
            "ts uids client_addr server_addr mac host_name client_fqdn domain requested_addr assigned_addr lease_time "
            "client_message server_message msg_types duration"
        ),
        (
            "time set[string] addr addr string string string string addr addr interval string string vector[string] "
            "interval"
        ),
    ),
    "kerberos": (
        (
            f"{_IDS} request_type client service success error_msg from till cipher forwardable renewable "
            "client_cert_subject client_cert_fuid server_cert_subject server_cert_fuid"
        ),
        f"{_ID_TYPES} string string string bool string time time string bool bool string string string string",
    ),
    "ntlm": (
        (
            f"{_IDS} username hostname domainname server_nb_computer_name server_dns_computer_name server_tree_name "
            "success"
        ),
        f"{_ID_TYPES} string string string string string string bool",
    ),
    "smb_mapping": (f"{_IDS} path service native_file_system share_type", f"{_ID_TYPES} string string string string"),
}
IDP_ADDRESSES = tuple(f"192.0.2.{last}" for last in range(240, 248))
_HISTORIES = ("ShADadFf", "ShADadFfR", "ShADadfF", "ShADad")


def server_of(name: str) -> str:
    """Return the address a name resolves to, the same every time; many names share one, as behind a CDN."""
    number = zlib.crc32(name.encode())
    if name.startswith("login.") or name.endswith(".okta.com"):
        return IDP_ADDRESSES[number % len(IDP_ADDRESSES)]
    if name.startswith("exit."):
        return "192.0.2.230"
    return f"192.0.2.{1 + number % 119}"


class Sensor:
    """The logs of one site, by day: lines are held until `flush`."""

    def __init__(self, folder: Path, network: str, rng: random.Random, domain: str) -> None:
        self.rng = rng
        self.domain = domain
        self.longest_s = float("inf")
        """Connections end by then; a thin story's are short, so that fewer moments have traffic."""
        self.controller = f"{network}.0.10"
        self.files = f"{network}.0.20"
        self.gateway = f"{network}.0.1"
        self.lines = 0
        self._rows: dict[str, list[tuple[float, str]]] = {log: [] for log in COLUMNS}
        self._known: dict[tuple[str, str], float] = {}
        folder.mkdir(parents=True, exist_ok=True)
        self._out: dict[str, gzip.GzipFile] = {}
        self._raw: list[BinaryIO] = []
        for log, (names, types) in COLUMNS.items():
            raw = (folder / f"{log}.log.gz").open("wb")
            self._raw.append(raw)
            self._out[log] = gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0)
            self._out[log].write(_header(log, names, types))

    def flush(self) -> None:
        """Write what is held, in the order in which Zeek would have."""
        for log, rows in self._rows.items():
            rows.sort()
            self._out[log].write("".join(text for _, text in rows).encode())
            self.lines += len(rows)
            rows.clear()
        self._known.clear()

    def close(self) -> None:
        """Write the rest and close the files."""
        self.flush()
        for out in self._out.values():
            out.close()
        for raw in self._raw:
            raw.close()

    def connect(
        self, ts: float, orig: str, resp: str, port: int, service: str, duration: float, sent: int, received: int, *,
        proto: str = "tcp", is_inside: bool = False,
    ) -> tuple[str, str]:  # fmt: skip
        """Log one finished connection; return its uid and the columns that every log shares."""
        rng = self.rng
        duration = min(duration, self.longest_s)
        uid = "C" + base64.b64encode(rng.randbytes(12), b"xY").decode()
        ids = f"{ts:.6f}\t{uid}\t{orig}\t{rng.randint(49152, 65535)}\t{resp}\t{port}"
        if proto == "tcp":
            history, number, header = rng.choice(_HISTORIES), 6, 40
            out, back = 4 + sent // 700, 4 + received // 1200
        else:
            history, number, header, out, back = "Dd", 17, 28, 1 + sent // 1200, 1 + received // 1200
        self._rows["conn"].append((
            ts + duration,
            (f"{ids}\t{proto}\t{service}\t{duration:.6f}\t{sent}\t{received}\tSF\tT\t{'T' if is_inside else 'F'}\t0\t"
            f"{history}\t{out}\t{sent + header * out}\t{back}\t{received + header * back}\t-\t{number}\n"),
        ))  # fmt: skip
        return uid, ids

    def resolve(self, ts: float, client: str, name: str) -> None:
        """Log a query for a name's address to the site's controller, unless the client has asked just now."""
        key = (client, name)
        if self._known.get(key, 0.0) > ts:
            return
        rng = self.rng
        ttl = rng.choice((60, 120, 300))
        self._known[key] = ts + ttl
        rtt = rng.uniform(0.001, 0.06)
        _, ids = self.connect(
            ts, client, self.controller, 53, "dns", rtt, 32 + len(name), 60 + len(name), proto="udp", is_inside=True
        )
        self._rows["dns"].append((
            ts + rtt,
            (f"{ids}\tudp\t{rng.randrange(65536)}\t{rtt:.6f}\t{name}\t1\tC_INTERNET\t1\tA\t0\tNOERROR\tF\tF\tT\tT\t0\t"
            f"{server_of(name)}\t{ttl}.000000\tF\n"),
        ))  # fmt: skip

    def browse(self, ts: float, client: str, name: str, duration: float, sent: int, received: int) -> None:
        """Log a TLS connection to a name, with its query before it."""
        self.resolve(ts - self.rng.uniform(0.01, 0.09), client, name)
        self.tls(ts, client, server_of(name), name, duration, sent, received)

    def tls(self, ts: float, client: str, server: str, name: str, duration: float, sent: int, received: int) -> None:
        """Log a TLS connection alone."""
        _, ids = self.connect(ts, client, server, 443, "ssl", duration, sent, received)
        resumed, history = ("T", "CsiI") if self.rng.random() < 0.4 else ("F", "CsxknI")
        self._rows["ssl"].append(
            (
                ts + 0.05,
                (f"{ids}\tTLSv13\tTLS_AES_128_GCM_SHA256\tx25519\t{name}\t{resumed}\t-\t-\tT\t{history}\t-\t-\t-\n"),
            )
        )

    def lease(self, ts: float, address: str, mac: str, host: str, hours: int = 10) -> None:
        """Log a lease with its four messages."""
        rng = self.rng
        first, _ = self.connect(ts, address, self.controller, 67, "dhcp", 0.02, 300, 300, proto="udp", is_inside=True)
        messages = "DISCOVER,OFFER,REQUEST,ACK" if rng.random() < 0.5 else "REQUEST,ACK"
        self._rows["dhcp"].append((
            ts + 0.02,
            (f"{ts:.6f}\t{first}\t{address}\t{self.controller}\t{mac}\t{host}\t-\t{self.domain}\t{address}\t{address}\t"
            f"{hours * 3600}.000000\t-\t-\t{messages}\t0.020000\n"),
        ))  # fmt: skip

    def kerberos(self, ts: float, client: str, kind: str, principal: str, service: str, error: str = "") -> None:
        """Log an exchange with the key distribution centre: AS or TGS."""
        realm = self.domain.upper()
        _, ids = self.connect(ts, client, self.controller, 88, "krb_tcp", 0.01, 1500, 1600, is_inside=True)
        cipher = "-" if error else "aes256-cts-hmac-sha1-96"
        result = f"F\t{error}" if error else "T\t-"
        till = "-" if error else f"{ts + 36000:.6f}"
        self._rows["kerberos"].append(
            (
                ts + 0.01,
                (f"{ids}\t{kind}\t{principal}/{realm}\t{service}\t{result}\t-\t{till}\t{cipher}\tT\tT\t-\t-\t-\t-\n"),
            )
        )

    def ntlm(self, ts: float, client: str, user: str, host: str) -> None:
        """Log a logon with NTLM at the file server."""
        _, ids = self.connect(ts, client, self.files, 445, "gssapi,ntlm,smb", 2.0, 2200, 2600, is_inside=True)
        self._rows["ntlm"].append((
            ts + 2.0,
            f"{ids}\t{user}\t{host}\tEXAMPLE\tFILES01\tfiles01.{self.domain}\t{self.domain}\tT\n",
        ))  # fmt: skip

    def share(self, ts: float, client: str, share: str) -> None:
        """Log a share of the file server being opened and used."""
        rng = self.rng
        took = rng.uniform(5, 900)
        _, ids = self.connect(
            ts, client, self.files, 445, "smb,gssapi,krb", took, rng.randint(3000, 90_000),
            int(rng.lognormvariate(11.5, 1.4)), is_inside=True,
        )  # fmt: skip
        where = f"{ids}\t\\\\files01.{self.domain}\\"
        self._rows["smb_mapping"].append((ts + 0.1, f"{where}IPC$\t-\t-\tPIPE\n"))
        self._rows["smb_mapping"].append((ts + 0.2, f"{where}{share}\t-\t-\tDISK\n"))

    def clock(self, ts: float, client: str) -> None:
        """Log a question for the time."""
        self.connect(ts, client, self.controller, 123, "ntp", 0.001, 48, 48, proto="udp", is_inside=True)


def _header(log: str, names: str, types: str) -> bytes:
    """Write what stands at the head of one of Zeek's logs."""
    lines = (
        "#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", f"#path\t{log}",
        "#fields\t" + names.replace(" ", "\t"), "#types\t" + types.replace(" ", "\t"),
    )  # fmt: skip
    return ("\n".join(lines) + "\n").encode()
