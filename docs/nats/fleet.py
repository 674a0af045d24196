#!/usr/bin/env python3
"""Write the configurations of nats-server for a hub and its sites, and certificates for the links between them.

    python docs/nats/fleet.py FOLDER --hub hub.example.org SYD PER ADL
    python docs/nats/fleet.py FOLDER --hub hub.example.org --certificates SYD PER ADL

writes FOLDER/hub.conf and FOLDER/leaf-SITE.conf for each site; with --certificates also FOLDER/tls: ca, hub and one
for each site, valid for two years. What is in FOLDER/tls already is kept: add a site, run it again. The files beside
this script are what it writes for those three names; nats-server 2.9 (Debian 12) and later read them.

What the configurations hold to: a site is an account of its own at the hub, chosen by its certificate (SAN
`URI:spanline:site:SYD`) and by nothing that it says. Its link may carry envelopes to the hub on one subject, hear its
own acknowledgements, and ask for what the hub gives it and hear that; it shares no subject with another site, and
neither side reaches the other's JetStream.
"""

import argparse
import datetime as dt
import ipaddress
import os
import re
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

TLS = "/etc/spanline/tls"
SITE = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""A site's name is part of subjects, where dots, wildcards and blanks mean something else."""
DAYS = 730

HUB = """\
# The hub's nats-server; docs/nats/fleet.py wrote this. Certificates: {tls}/{{ca.pem,hub.pem,hub.key}}.
# SPANLINE_NATS_PASSWORD: in the environment of this server and of the hub's Spanline; letters and digits, a
# letter first.
server_name: hub
listen: "{listen}"
# A link that has gone is noticed after half a minute; a site that reconnects is not taken for its own dead connection.
ping_interval: "10s"
ping_max: 2
max_payload: 1MB

leafnodes {{
  listen: "{leaf_listen}"
  tls {{
    cert_file: "{tls}/hub.pem"
    key_file: "{tls}/hub.key"
    ca_file: "{tls}/ca.pem"
    verify_and_map: true
    timeout: 5
  }}
}}

accounts {{
  # Spanline at the hub: takes every site's envelopes, acknowledges them, and can do nothing else.
  HUB {{
    users: [{{
      user: spanline
      password: $SPANLINE_NATS_PASSWORD
      allowed_connection_types: ["STANDARD"]
      permissions {{
        publish: ["hub.*.have", "hub.*.give", "$JS.ACK.*.hub.>"]
        subscribe: ["hub.*.envelope", "hub.*.taken"]
      }}
    }}]
    exports: [
{exports}
    ]
    imports: [
{imports}
    ]
  }}

{accounts}
}}
"""

EXPORTS = """\
      {{ stream: "hub.{site}.have", accounts: ["{site}"] }}
      {{ stream: "hub.{site}.give", accounts: ["{site}"] }}
      {{ stream: "$JS.ACK.SPANLINE_{site}.hub.>", accounts: ["{site}"] }}"""

IMPORTS = """\
      {{ stream: {{ account: "{site}", subject: "hub.{site}.envelope" }} }}
      {{ stream: {{ account: "{site}", subject: "hub.{site}.taken" }} }}"""

ACCOUNT = """\
  "{site}" {{
    users: [{{
      user: "spanline:site:{site}"
      allowed_connection_types: ["LEAFNODE"]
      permissions {{
        publish: ["hub.{site}.envelope", "hub.{site}.taken"]
        subscribe: ["hub.{site}.have", "hub.{site}.give", "$JS.ACK.SPANLINE_{site}.hub.>"]
      }}
    }}]
    exports: [
      {{ stream: "hub.{site}.envelope", accounts: [HUB] }}
      {{ stream: "hub.{site}.taken", accounts: [HUB] }}
    ]
    imports: [
      {{ stream: {{ account: HUB, subject: "hub.{site}.have" }} }}
      {{ stream: {{ account: HUB, subject: "hub.{site}.give" }} }}
      {{ stream: {{ account: HUB, subject: "$JS.ACK.SPANLINE_{site}.hub.>" }} }}
    ]
  }}"""

LEAF = """\
# The nats-server of site {site}: a leaf node of the hub's. Certificates: {tls}/{{ca.pem,{site}.pem,{site}.key}}.
# SPANLINE_NATS_PASSWORD: in the environment of this server and of the site's Spanline; letters and digits, a
# letter first.
server_name: "{site}"
listen: "{listen}"
ping_interval: "10s"
ping_max: 2
max_payload: 1MB

# What is under way to the hub; all of it is in Spanline's own spool too, so this store may be lost.
jetstream {{
  store_dir: "{store}"
  domain: "{site}"
  max_memory_store: 1MB
  max_file_store: 128MB
}}

accounts {{
  SITE {{
    jetstream: enabled
    # Spanline at this site: publishes as this site, and keeps the one stream that waits for the hub.
    users: [{{
      user: spanline
      password: $SPANLINE_NATS_PASSWORD
      allowed_connection_types: ["STANDARD"]
      permissions {{
        publish: [
          "spanline.{site}.*"
          "hub.{site}.taken"
          "$JS.API.STREAM.*.SPANLINE_{site}"
          "$JS.API.CONSUMER.*.SPANLINE_{site}.hub"
          "$JS.API.CONSUMER.DURABLE.CREATE.SPANLINE_{site}.hub"
        ]
        subscribe: ["hub.{site}.have", "hub.{site}.give", "_INBOX.>"]
      }}
    }}]
  }}
}}

leafnodes {{
  reconnect: 2
  remotes: [{{
    urls: ["{hub_url}"]
    account: SITE
    tls {{
      cert_file: "{tls}/{site}.pem"
      key_file: "{tls}/{site}.key"
      ca_file: "{tls}/ca.pem"
      timeout: 5
    }}
    # Whoever has the hub reaches nothing here but what an acknowledgement is.
    deny_imports: ["$JS.API.>", "$JS.{site}.API.>", "spanline.>", "_INBOX.>"]
    deny_exports: ["spanline.>", "_INBOX.>"]
  }}]
}}
"""


def hub_conf(sites, *, listen="127.0.0.1:4222", leaf_listen="0.0.0.0:7422", tls=TLS):
    """Return the hub's configuration for these sites."""
    return HUB.format(
        listen=listen, leaf_listen=leaf_listen, tls=tls,
        exports="\n".join(EXPORTS.format(site=site) for site in sites),
        imports="\n".join(IMPORTS.format(site=site) for site in sites),
        accounts="\n\n".join(ACCOUNT.format(site=site) for site in sites),
    )  # fmt: skip


def leaf_conf(site, hub_url, *, listen="127.0.0.1:4222", store="/var/lib/spanline/nats", tls=TLS):
    """Return a site's configuration; `hub_url` is tls://HOST:PORT of the hub's port for leaf nodes."""
    return LEAF.format(site=site, hub_url=hub_url, listen=listen, store=store, tls=tls)


def write_certificates(folder, hub, sites, *, days=DAYS):
    """Write keys and certificates that are not there yet. The authority's key belongs in a safe, not on the hub."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "ca.key").exists():
        _write(folder, "ca", _certificate("Spanline fleet", [], None, days))
    authority = (
        x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes()),
        serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None),
    )
    for name in ("hub", *sites):
        if (folder / f"{name}.key").exists():
            continue
        san = (
            [_host(one) for one in hub] if name == "hub" else [x509.UniformResourceIdentifier(f"spanline:site:{name}")]
        )
        _write(folder, name, _certificate(name, san, authority, days))


def _certificate(name, san, authority, days):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signer = (subject, key) if authority is None else (authority[0].subject, authority[1])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251 - a certificate is valid from now on
    made = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )  # fmt: skip
    if authority is not None:
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = made.add_extension(x509.SubjectAlternativeName(san), critical=False)
        made = made.add_extension(x509.ExtendedKeyUsage(uses), critical=False)
    return made.sign(signer, hashes.SHA256()), key


def _host(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(folder, name, made):
    certificate, key = made
    (folder / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    descriptor = os.open(folder / f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )


def main():
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("sites", nargs="+", metavar="SITE")
    parser.add_argument("--hub", required=True, help="name or address under which the sites reach the hub")
    parser.add_argument("--certificates", action="store_true")
    asked = parser.parse_args()
    wrong = [site for site in asked.sites if not SITE.fullmatch(site)]
    if wrong:
        parser.error(f"{wrong[0]!r}: a site's name is letters, digits, - and _, at most 32")
    asked.folder.mkdir(parents=True, exist_ok=True)
    (asked.folder / "hub.conf").write_text(hub_conf(asked.sites))
    host = f"[{asked.hub}]" if ":" in asked.hub else asked.hub
    for site in asked.sites:
        (asked.folder / f"leaf-{site}.conf").write_text(leaf_conf(site, f"tls://{host}:7422"))
    if asked.certificates:
        write_certificates(asked.folder / "tls", [asked.hub], asked.sites)


if __name__ == "__main__":
    main()
