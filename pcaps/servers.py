"""Real servers inside a laboratory's namespaces: dnsmasq, nginx, sshd, smbd, krb5kdc, with keys made for the occasion.

Each function writes a configuration into the laboratory's scratch folder, starts the server and waits until it is up.
Passwords and keys live as long as the laboratory and protect nothing.
"""

import subprocess
import time
from pathlib import Path

from netlab import Lab

PASSWORD = "Spring-in-the-lab-26"  # noqa: S105 - protects nothing
REALM = "OFFICE.EXAMPLE"


def listening(lab: Lab, name: str, port: int, *, udp: bool = False) -> None:
    """Wait until something in the namespace listens on a port."""
    end = time.monotonic() + 20
    while f":{port} " not in lab.run(name, "ss", "-Hnul" if udp else "-Hntl"):
        if time.monotonic() > end:
            message = f"nothing listens on port {port} of {name}: see the logs in {lab.scratch}"
            raise TimeoutError(message)
        time.sleep(0.1)


def dnsmasq(lab: Lab, name: str, lines: list[str], *, dns: bool = True) -> None:
    """Start dnsmasq with these configuration lines (DNS, DHCP, router advertisements)."""
    path = lab.scratch / f"dnsmasq-{name}.conf"
    fixed = [
        "no-resolv",
        "no-hosts",
        "user=root",
        "pid-file=",
        f"dhcp-leasefile={lab.scratch}/leases-{name}",
        "" if dns else "port=0",
    ]
    path.write_text("\n".join([*fixed, *lines]) + "\n")
    lab.start(name, "dnsmasq", "-k", f"--conf-file={path}")
    listening(lab, name, 53 if dns else 67, udp=True)


def authority(lab: Lab) -> Path:
    """Create a certificate authority; returns the certificate that clients trust."""
    root = lab.scratch / "ca.pem"
    if not root.exists():
        _openssl(
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "3650",
            "-subj",
            "/O=Spanline sample office/CN=Sample CA",
            "-keyout",
            f"{lab.scratch}/ca.key",
            "-out",
            str(root),
        )
    return root


def certificate(lab: Lab, host: str) -> tuple[Path, Path]:
    """Issue a certificate for a host name; returns certificate and key."""
    authority(lab)
    base = lab.scratch / host
    extension = lab.scratch / f"{host}.ext"
    extension.write_text(f"subjectAltName=DNS:{host}\n")
    _openssl(
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-subj",
        f"/CN={host}",
        "-keyout",
        f"{base}.key",
        "-out",
        f"{base}.csr",
    )
    _openssl(
        "x509",
        "-req",
        "-in",
        f"{base}.csr",
        "-CA",
        f"{lab.scratch}/ca.pem",
        "-CAkey",
        f"{lab.scratch}/ca.key",
        "-CAcreateserial",
        "-days",
        "365",
        "-extfile",
        str(extension),
        "-out",
        f"{base}.pem",
    )
    return Path(f"{base}.pem"), Path(f"{base}.key")


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def nginx(lab: Lab, name: str, sites: list[tuple[str, str, str]]) -> None:
    """Start nginx with sites (server name, address, protocol): protocol is `http`, `TLSv1.2` or `TLSv1.3`."""
    root = lab.scratch / f"www-{name}"
    root.mkdir()
    for size in (300, 900, 2400, 5200):
        (root / f"{size}.html").write_text(("<p>Sample page of the Spanline office laboratory.</p>\n" * 110)[:size])
    servers = []
    for host, address, protocol in sites:
        if protocol == "http":
            servers.append(f"server {{ listen {address}:80; server_name {host}; root {root}; }}")
        else:
            cert, key = certificate(lab, host)
            servers.append(
                f"server {{ listen {address}:443 ssl http2; server_name {host}; root {root}; ssl_protocols {protocol};"
                f" ssl_certificate {cert}; ssl_certificate_key {key}; }}"
            )
    temp = " ".join(
        f"{kind}_temp_path {lab.scratch}/ngx-{name}-{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    path = lab.scratch / f"nginx-{name}.conf"
    path.write_text(
        f"daemon off; user root; worker_processes 1; pid {lab.scratch}/nginx-{name}.pid; error_log stderr;\n"
        "events {}\n"
        f"http {{ access_log off; {temp} default_type text/html; keepalive_timeout 15;\n" + "\n".join(servers) + "\n}\n"
    )
    lab.start(name, "nginx", "-c", str(path))
    listening(lab, name, 80 if sites[0][2] == "http" else 443)


def sshd(lab: Lab, name: str, *, port: int = 22) -> None:
    """Start OpenSSH's server with its own host key; the laboratory's user key may log in as root."""
    Path("/run/sshd").mkdir(exist_ok=True)
    key, user = lab.scratch / f"host-{name}", lab.scratch / "user"
    for one in (key, user):
        if not one.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(one)], check=True)
    path = lab.scratch / f"sshd-{name}.conf"
    path.write_text(
        f"Port {port}\nHostKey {key}\nAuthorizedKeysFile {user}.pub\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
        f"PidFile none\nUseDNS no\nPrintMotd no\nSubsystem sftp internal-sftp\n"
    )
    lab.start(name, "/usr/sbin/sshd", "-D", "-f", str(path))
    listening(lab, name, port)


def ssh(lab: Lab, name: str, host: str, command: str, *options: str) -> str:
    """Open an SSH session and run a command in it."""
    return lab.run(
        name,
        "ssh",
        "-F",
        "none",
        "-i",
        f"{lab.scratch}/user",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        f"UserKnownHostsFile={lab.scratch}/known-{name}",
        "-o",
        "LogLevel=ERROR",
        *options,
        f"root@{host}",
        command,
    )


def smbd(lab: Lab, name: str, users: list[str], netbios: str) -> None:
    """Start Samba as a stand-alone file server whose users share one Unix account."""
    root = lab.scratch / f"smb-{name}"
    share = root / "share"
    share.mkdir(parents=True)
    (share / "report-q3.txt").write_text("Quarterly figures of the sample office.\n" * 40)
    (share / "holidays.csv").write_text("name,from,to\nmia,2026-12-21,2026-12-31\n" * 12)
    users_map = root / "users.map"
    users_map.write_text("!nobody = " + " ".join(users) + "\n")
    dirs = "\n".join(
        f"{kind} = {root}"
        for kind in (
            "private dir",
            "lock directory",
            "state directory",
            "cache directory",
            "pid directory",
            "ncalrpc dir",
        )
    )
    path = root / "smb.conf"
    path.write_text(
        f"[global]\nworkgroup = OFFICE\nnetbios name = {netbios}\nserver role = standalone\nsmb ports = 445\n"
        f"load printers = no\ndisable spoolss = yes\nusername map = {users_map}\nlog file = {root}/log\n{dirs}\n"
        f"[team]\npath = {share}\nread only = yes\n"
    )
    lab.run(name, "smbpasswd", "-c", str(path), "-s", "-a", "nobody", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    lab.start(name, "smbd", "-F", "--no-process-group", f"--configfile={path}")
    listening(lab, name, 445)


def smb_client(
    lab: Lab, name: str, netbios: str, user: str, server: str, commands: str, password: str = PASSWORD
) -> None:
    """Use a share as a user (NTLM)."""
    path = lab.scratch / f"smbclient-{name}.conf"
    path.write_text(
        f"[global]\nworkgroup = OFFICE\nnetbios name = {netbios}\nclient use kerberos = off\n"
        f"lock directory = {lab.scratch}\n"
        f"state directory = {lab.scratch}\ncache directory = {lab.scratch}\nprivate dir = {lab.scratch}\n"
    )
    lab.run(
        name,
        "smbclient",
        f"//{server}/team",
        "--configfile",
        str(path),
        "-p",
        "445",
        "-U",
        f"OFFICE\\{user}%{password}",
        "-c",
        commands,
        quiet=True,
    )


def kdc(lab: Lab, name: str, address: str, users: list[str], services: list[str]) -> None:
    """Start MIT Kerberos' KDC for REALM with users (PASSWORD) and services."""
    root = lab.scratch / "kdc"
    root.mkdir()
    for transport, limit in (("udp", 1465), ("tcp", 1)):
        (lab.scratch / f"krb5-{transport}.conf").write_text(
            f"[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\ndns_canonicalize_hostname = false\n"
            f"rdns = false\nudp_preference_limit = {limit}\n[realms]\n{REALM} = {{\nkdc = {address}\n}}\n"
        )
    (root / "kdc.conf").write_text(
        f"[kdcdefaults]\nkdc_ports = 88\nkdc_tcp_ports = 88\n[realms]\n{REALM} = {{\ndatabase_name = {root}/principal\n"
        f"key_stash_file = {root}/stash\nacl_file = {root}/acl\n}}\n[logging]\nkdc = FILE:{root}/log\n"
    )
    env = {"KRB5_CONFIG": f"{lab.scratch}/krb5-udp.conf", "KRB5_KDC_PROFILE": f"{root}/kdc.conf"}
    lab.run(name, "kdb5_util", "create", "-s", "-P", PASSWORD, env=env)
    for user in users:
        lab.run(name, "kadmin.local", "-q", f"addprinc +requires_preauth -pw {PASSWORD} {user}", env=env)
    for service in services:
        lab.run(name, "kadmin.local", "-q", f"addprinc -randkey {service}", env=env)
    lab.start(name, "krb5kdc", "-n", env=env)
    listening(lab, name, 88)


def kinit(lab: Lab, name: str, user: str, service: str, *, transport: str = "udp", password: str = PASSWORD) -> None:
    """Log a user in and fetch a ticket for a service, as a workstation does in the morning."""
    env = {"KRB5_CONFIG": f"{lab.scratch}/krb5-{transport}.conf", "KRB5CCNAME": f"FILE:{lab.scratch}/tickets-{name}"}
    lab.run(name, "kinit", user, stdin=f"{password}\n", env=env, quiet=True)
    lab.run(name, "kvno", service, env=env, quiet=True)


def dhcp_client(lab: Lab, name: str, hostname: str, *, program: str = "udhcpc", device: str = "eth0") -> None:
    """Get an address by DHCP with busybox udhcpc or ISC dhclient, sending a host name."""
    etc = lab.etc(name)
    script = lab.scratch / f"lease-{name}.sh"
    if program == "udhcpc":
        script.write_text(
            f'#!/bin/sh\n[ "$1" = bound ] || [ "$1" = renew ] || exit 0\nip addr flush dev $interface scope global\n'
            f"ip addr add $ip/$mask dev $interface\nip -4 route replace default via $router\n"
            f"echo nameserver $dns > {etc}/resolv.conf\necho search $domain >> {etc}/resolv.conf\n"
        )
        script.chmod(0o755)
        lab.run(name, "udhcpc", "-i", device, "-q", "-n", "-t", "6", "-s", str(script), "-x", f"hostname:{hostname}")
        return
    script.write_text(
        f"#!/bin/sh\ncase $reason in BOUND|RENEW|REBIND|REBOOT) ;; *) ip link set $interface up; exit 0;; esac\n"
        f"ip addr flush dev $interface scope global\nip addr add $new_ip_address/$new_subnet_mask dev $interface\n"
        f"ip -4 route replace default via $new_routers\necho nameserver $new_domain_name_servers > {etc}/resolv.conf\n"
        f"echo search $new_domain_name >> {etc}/resolv.conf\n"
    )
    script.chmod(0o755)
    config = lab.scratch / f"dhclient-{name}.conf"
    config.write_text(
        f'send host-name "{hostname}";\nrequest subnet-mask, routers, domain-name-servers, domain-name;\n'
    )
    lab.run(
        name,
        "dhclient",
        "-1",
        "-sf",
        str(script),
        "-cf",
        str(config),
        "-lf",
        f"{lab.scratch}/leases-{name}.db",
        "-pf",
        f"{lab.scratch}/dhclient-{name}.pid",
        device,
    )
