"""Zeek's likely_server_ports, as its default scripts' `const ports` add to it (protocol by protocol, Zeek 7)."""

BY_PROTOCOL = {
    "finger": "79/tcp",
    "ftp": "21/tcp 2811/tcp",
    "http": "80/tcp 81/tcp 631/tcp 1080/tcp 3128/tcp 8000/tcp 8080/tcp 8888/tcp",
    "imap": "143/tcp",
    "irc": "6666/tcp 6667/tcp 6668/tcp 6669/tcp",
    "krb": "88/udp 88/tcp",
    "ldap": "389/tcp 389/udp 3268/tcp",
    "mssql, mysql": "1434/tcp 3306/tcp",
    "rdp": "3389/tcp 3389/udp",
    "smb, dce_rpc, netbios": "135/tcp 139/tcp 445/tcp 137/udp",
    "smtp": "25/tcp 587/tcp",
    "ssh": "22/tcp",
    "ssl": "443/tcp 563/tcp 585/tcp 614/tcp 636/tcp 989/tcp 990/tcp 992/tcp 993/tcp 995/tcp 5223/tcp",
    "quic": "443/udp 784/udp 853/udp",
    "xmpp": "5222/tcp 5269/tcp",
    "pop3": "110/tcp",
    "modbus, dnp3": "502/tcp 20000/tcp 20000/udp",
    "dns": "53/udp 53/tcp 5353/udp 5355/udp",
    "mqtt": "1883/tcp",
    "postgresql, redis": "5432/tcp 6379/tcp",
    "dhcp": "67/udp",
    "ntp": "123/udp",
    "snmp": "161/udp 162/udp",
    "syslog": "514/udp",
    "radius": "1812/udp",
    "sip": "5060/udp",
    "tunnels": "3544/udp 5072/udp 2152/udp 2123/udp 4789/udp 6081/udp",
}
LIKELY = {tuple(port.split("/")) for ports in BY_PROTOCOL.values() for port in ports.split()}


def likely_server(proto, port):
    return (str(port), {6: "tcp", 17: "udp"}[proto]) in LIKELY
