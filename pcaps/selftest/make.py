"""Write the crafted inputs of pcaps/selftest, the same bytes every time. Standard library only.

    python pcaps/selftest/make.py

Network cases are lines as Zeek writes them in JSON, identity cases lines as Graph and Microsoft 365 return them
(`identity.py`). A site of twelve workstations (10.70.0.0/24) learns for twelve days from the first of June 2026; an
office (10.60.0.0/24), whose day was captured, for ten before that and up to then.
"""

from pathlib import Path

import identity
from rows import Row, conn, hash_of, message, resolved, write

FOLDER = Path(__file__).resolve().parent
HOUR, DAY = 3600.0, 86_400.0
BEGIN = 1_780_272_000.0  # 2026-06-01T00:00:00Z
DAYS = 12
CROWD_DAYS = 5
CAPTURED = 1_795_478_400.0  # 2026-11-24T00:00:00Z, the day of the captures
HOSTS = [f"10.70.0.{last}" for last in range(11, 23)]
SERVER, CONTROLLER = "10.70.0.5", "10.70.0.9"
PLACES = [(f"www.place{n}.example", f"198.51.100.{n + 1}") for n in range(10)]
JA4 = "t13d1516h2_8daaf6152771_02713d6af862"
ODD_JA4 = "t13d190900_9dc949149365_97f8aa674fd9"


def usual(day: int, *, begin: float = BEGIN, hosts: list[str] = HOSTS) -> list[Row]:
    """One day: every hour every workstation uses two of its places and the file server, all in one tick."""
    rows = []
    for hour in range(24):
        ts = begin + day * DAY + hour * HOUR + 5.0
        for k, host in enumerate(hosts):
            wobble = 1.0 + ((k * 7 + hour * 5 + day * 3) % 11) / 22
            sizes = {"orig_bytes": int(400 * wobble), "resp_bytes": int(1500 * wobble)}
            rows += [
                conn(ts + k * 0.02, host, PLACES[place][1], 443, service="ssl", **sizes)
                for place in (k % 10, (k + hour % 3) % 10)
            ]
            if hour == 9:
                rows.append(resolved(ts, host, *PLACES[k % 10]))
                rows.append(conn(ts + 1 + k * 0.02, host, SERVER, 445, service="smb"))
                rows.append(
                    message("ssl", ts + 2, host, PLACES[k % 10][1], 443, version="TLSv13", established=True,
                            server_name=PLACES[k % 10][0], resumed=False, ja4=JA4)
                )  # fmt: skip
        if hour == 12:
            rows.append(conn(ts, hosts[0], SERVER, 22, service="ssh"))
    return rows


def network() -> dict[str, list[Row]]:
    """Return each file of the site with its lines."""
    history = [row for day in range(DAYS) for row in usual(day)]
    then = BEGIN + DAYS * DAY + 60
    one = HOSTS[3]
    return {
        "site-history": history,
        "usual-day": usual(DAYS),
        "silence": [row for row in usual(DAYS) if row["ts"] > then + 14 * HOUR],
        "new-places": [
            row for k in range(4) for row in (
                resolved(then + 30 * k, one, f"host{k}.nobody-knows-{k}.example", f"203.0.113.{50 + k}"),
                conn(then + 30 * k + 1, one, f"203.0.113.{50 + k}", 8000 + k, orig_bytes=200 + k),
            )
        ],
        "new-device": [
            row
            for k, place in enumerate(PLACES[:3])
            for row in (resolved(then + k, "10.70.0.77", *place), conn(then + k + 1, "10.70.0.77", place[1], 443))
        ],
        "lateral": [conn(then + 20 * k, one, HOSTS[5 + k], 3389, service="rdp", orig_bytes=9000, resp_bytes=60_000)
                    for k in range(5)],
        "impersonation": [
            row for turn in range(4) for k in range(8) for row in (
                resolved(then + 1800 * turn + 10 * k, one, f"www.other{k}.example", f"203.0.113.{70 + k}"),
                conn(then + 1800 * turn + 10 * k + 1, one, f"203.0.113.{70 + k}", 443, service="ssl"),
            )
        ],
        "fingerprint": [
            conn(then, one, PLACES[3][1], 443, service="ssl"),
            message("ssl", then + 0.1, one, PLACES[3][1], 443, version="TLSv13", server_name=PLACES[3][0],
                    established=True, resumed=False, ja4=ODD_JA4),
        ],
        "mining": [
            conn(then, one, "203.0.113.90", 3333, duration=2400.0, orig_bytes=60_000, resp_bytes=90_000, orig_pkts=500,
                 resp_pkts=600, orig_ip_bytes=86_000, resp_ip_bytes=121_000)
        ],
    }  # fmt: skip


def crowd() -> dict[str, list[Row]]:
    """Sixty workstations for five days, a sixth of them heard in every ten minutes; then a flood from one of them."""
    hosts = [f"10.70.1.{last}" for last in range(11, 71)]
    rows = []
    for tick in range((CROWD_DAYS + 1) * 144):
        ts = BEGIN + tick * 600.0 + 5
        heard = [host for host in hosts if hash_of(f"{tick}{host}") % 97 < 16]
        rows += [
            conn(ts + k * 0.01, host, PLACES[hosts.index(host) % 10][1], 443, service="ssl",
                 resp_bytes=1500 + hash_of(f"{ts}{host}") % 500, orig_bytes=400 + hash_of(f"{host}{ts}") % 300)
            for k, host in enumerate(heard)
        ]  # fmt: skip
    last = BEGIN + CROWD_DAYS * DAY
    noon = last + 12 * HOUR + 7
    flood = [
        conn(noon + k, hosts[3], PLACES[3][1], 443, service="ssl", orig_bytes=4_000_000, orig_pkts=3000,
             orig_ip_bytes=4_200_000) for k in range(30)
    ]  # fmt: skip
    after = [row for row in rows if row["ts"] >= last]
    return {
        "crowd-history": [row for row in rows if row["ts"] < last],
        "crowd-usual": [row for row in after if row["ts"] < noon + 2 * HOUR],
        "flood": flood,
    }


def served() -> dict[str, list[Row]]:
    """Twelve workstations that use a file server every hour of three days; then they go on elsewhere for seven."""

    def hours(numbers: range, *, files: bool) -> list[Row]:
        return [
            row for n in numbers for k, host in enumerate(HOSTS) for row in (
                conn(BEGIN + n * HOUR + 5 + k, host, PLACES[k % 10][1], 443, service="ssl"),
                conn(BEGIN + n * HOUR + 5.5 + k, host, SERVER, 445, service="smb"),
            )[: 1 + files]
        ]  # fmt: skip

    return {"served-history": hours(range(72), files=True), "unserved": hours(range(72, 80), files=False)}


def office() -> list[Row]:
    """Return what the captured office did on the ten days before and that day until then, by its two workstations."""
    hosts = {"10.60.0.21": "54:e1:ad:60:00:21", "10.60.0.22": "f8:bc:12:60:00:22"}
    rows = []
    for day in range(11):
        for hour in range(8, 18 if day < 10 else 16):
            ts = CAPTURED - (10 - day) * DAY + hour * HOUR + 5
            for k, (host, mac) in enumerate(hosts.items()):
                address = ("198.51.100.10", "198.51.100.90")[(hour + k) % 2]
                rows.append(conn(ts + k, host, address, 80, service="http") | {
                    "orig_l2_addr": mac, "resp_l2_addr": "24:a4:3c:60:00:01"})  # fmt: skip
                rows.append(
                    resolved(ts + k - 1, host, ("www.example.com", "files.example.net")[(hour + k) % 2], address)
                )
    return rows


def plant() -> dict[str, list[Row]]:
    """A controller that a screen reads and writes; then the engineering of somebody else."""

    def request(ts: float, who: str, function: str) -> list[Row]:
        return [
            conn(ts, who, CONTROLLER, 502, service="modbus"),
            message("modbus", ts + 0.1, who, CONTROLLER, 502, func=function, pdu_type="REQ", unit=1),
        ]

    asked = ("READ_HOLDING_REGISTERS", "WRITE_SINGLE_REGISTER")
    history = [
        row
        for day in range(DAYS)
        for hour in (6, 18)
        for k, function in enumerate(asked)
        for row in request(BEGIN + day * DAY + hour * HOUR + k, HOSTS[0], function)
    ]
    today = BEGIN + DAYS * DAY
    then = today + 6 * HOUR + 300
    return {
        "plant-history": history,
        "controller": [
            *request(then, HOSTS[1], "WRITE_MULTIPLE_REGISTERS"), *request(then + 5, HOSTS[1], "DIAGNOSTICS")
        ],
        "plant-usual": [row for hour in (6, 18) for row in request(today + hour * HOUR, HOSTS[0], asked[0])],
    }  # fmt: skip


def tickets() -> dict[str, list[Row]]:
    """Service tickets: everybody from their own workstation; then one account from another's, to a new host."""

    def ticket(ts: float, host: str, user: str, service: str) -> list[Row]:
        return [
            conn(ts, host, "10.70.0.2", 88, service="krb_tcp"),
            message("kerberos", ts + 0.1, host, "10.70.0.2", 88, request_type="TGS", client=f"{user}/CORP.EXAMPLE",
                    service=service, success=True),
        ]  # fmt: skip

    history = [
        row for day in range(-10, DAYS) for k, host in enumerate(HOSTS)
        for row in ticket(BEGIN + day * DAY + 9 * HOUR + k, host, f"user{k}", "cifs/files01.corp.example")
    ]  # fmt: skip
    then = BEGIN + DAYS * DAY + 9 * HOUR + 300
    return {
        "tickets-history": history,
        "credential-hop": ticket(then, HOSTS[3], "user8", "cifs/payroll01.corp.example"),
    }


def main() -> None:
    """Write every file."""
    files = {**network(), **crowd(), **served(), **plant(), **tickets(), "office-history": office()}
    for name, rows in files.items():
        write(FOLDER / f"{name}.jsonl.gz", rows)
    identity.main(FOLDER, BEGIN)


if __name__ == "__main__":
    main()
