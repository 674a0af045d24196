"""tshark's fields of a capture, frame by frame: the oracle of the parsers. One process a capture, nothing kept."""

import shutil
import subprocess

AGGREGATOR = "\x1e"
SEPARATOR = "\x1d"

NAMES = (
    "frame.number",
    "dns.id",
    "dns.flags.response",
    "dns.flags.rcode",
    "dns.qry.name",
    "dns.qry.type",
    "dns.a",
    "dns.aaaa",
    "dns.cname",
    "dns.ptr.domain_name",
    "dns.ns",
    "dns.mx.mail_exchange",
    "dns.srv.target",
    "dns.txt",
    "dns.resp.type",
    "dns.resp.ttl",
    "dns.count.answers",
    "dns.count.auth_rr",
    "dns.count.add_rr",
    "nbns.name",
    "tls.handshake.type",
    "tls.handshake.version",
    "tls.handshake.extensions_server_name",
    "tls.handshake.extensions_alpn_str",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.ciphersuite",
    "tls.handshake.ja3",
    "tls.handshake.ja3_full",
    "tls.handshake.ja3s",
    "tls.handshake.ja3s_full",
    "http.request.method",
    "http.request.uri",
    "http.host",
    "http.user_agent",
    "http.referer",
    "http.response.code",
    "http.response.phrase",
    "http.server",
    "http.content_type",
    "dhcp.hw.mac_addr",
    "dhcp.id",
    "dhcp.ip.client",
    "dhcp.ip.your",
    "dhcp.option.dhcp",
    "dhcp.option.hostname",
    "dhcp.fqdn.name",
    "dhcp.option.domain_name",
    "dhcp.option.requested_ip_address",
    "dhcp.option.dhcp_server_id",
    "dhcp.option.ip_address_lease_time",
    "dhcp.option.vendor_class_id",
    "kerberos.msg_type",
    "kerberos.CNameString",
    "kerberos.SNameString",
    "kerberos.crealm",
    "kerberos.realm",
    "kerberos.error_code",
    "ntlmssp.messagetype",
    "ntlmssp.auth.username",
    "ntlmssp.auth.domain",
    "ntlmssp.auth.hostname",
    "ntlmssp.challenge.target_info.nb_computer_name",
    "ntlmssp.challenge.target_info.dns_computer_name",
    "ntlmssp.challenge.target_info.dns_tree_name",
    "ssh.protocol",
)


def missing():
    """Why the oracle cannot be asked, or an empty text."""
    return "" if shutil.which("tshark") else "tshark is not installed"


def read(path):
    """Return the fields of each frame: {frame number: {name: list of texts}}, absent ones left out."""
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", f"separator={SEPARATOR}"]
    command += ["-E", f"aggregator={AGGREGATOR}", "-E", "occurrence=a"]
    command += ["-o", "http.desegment_body:FALSE"]  # report a head with the segment that completes it
    for name in NAMES:
        command += ["-e", name]
    # A capture that ends in the middle of a frame gives exit code 2, and its frames all the same.
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)
    frames = {}
    for line in done.stdout.decode("utf-8", "backslashreplace").split("\n"):
        cells = line.split(SEPARATOR)
        if len(cells) == len(NAMES):
            found = {name: cell.split(AGGREGATOR) for name, cell in zip(NAMES, cells, strict=True) if cell}
            frames[int(cells[0])] = found
    return frames
