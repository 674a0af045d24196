"""Which log a record belongs to: by its log's name (Zeek's path), else by columns that only this log has together.

Names as in https://docs.zeek.org/en/master/script-reference/log-files.html and https://github.com/cisagov/ICSNPP. The
file's name says nothing. Where neither name nor columns tell, the record is of a log that is not read.
"""

from sensor.wire.zeek_messages import READERS

KINDS = frozenset({"conn", *READERS})
"""The logs that are read."""
GOING_ON = ("conn_long", "open_conn")
"""Logs of connections that have not ended (corelight/zeek-long-connections, corelight/zeek-open-connections)."""
_OTHER = """
analyzer analyzer_debug barnyard2 broker capture_loss cluster config cotp dpd intel irc known_modbus loaded_scripts
login mqtt_connect mqtt_publish mqtt_subscribe mysql netcontrol ntp ocsp openflow packet_filter pe postgresql print prof
redis reporter rfb signatures sip snmp socks stats syslog telemetry traceroute unknown_protocols weird_stats websocket
"""
OTHER_KINDS = frozenset(_OTHER.split())
"""Zeek's logs that are not read: their columns must not be taken for another's (irc has ftp's `user` and `command`)."""
_SHOWN = """
conn: id.orig_h id.resp_h proto conn_state
dns: id.orig_h query qtype
dns: id.orig_h trans_id RD RA
http: id.orig_h method host uri
http: id.orig_h trans_depth request_body_len
dhcp: mac assigned_addr
dhcp: mac assigned_ip
dhcp: mac msg_types
kerberos: id.orig_h request_type client
kerberos: id.orig_h request_type service
ntlm: id.orig_h domainname
ntlm: id.orig_h username hostname
ssh: id.orig_h auth_attempts
ssh: id.orig_h client server direction
ssl: id.orig_h version cipher
ssl: id.orig_h established resumed
smb_cmd: id.orig_h command tree_service
smb_cmd: id.orig_h command version status
smb_mapping: id.orig_h path share_type
smb_files: id.orig_h action times.modified
smb_files: id.orig_h action times_modified
smb_files: id.orig_h action path name
dce_rpc: id.orig_h endpoint operation
rdp: id.orig_h security_protocol
rdp: id.orig_h cookie
radius: id.orig_h username result
radius: id.orig_h mac result
radius: id.orig_h framed_addr
ldap: id.orig_h message_id opcode
ldap: id.orig_h message_id opcodes
ldap_search: id.orig_h message_id scope
ldap_search: id.orig_h message_id scopes
quic: id.orig_h version client_initial_dcid
quic: id.orig_h version server_scid
smtp: id.orig_h trans_depth helo
smtp: id.orig_h trans_depth last_reply
smtp: id.orig_h trans_depth mailfrom
ftp: id.orig_h command reply_code
ftp: id.orig_h command user password
tunnel: tunnel_type action
x509: certificate.serial certificate.subject
x509: certificate_serial certificate_subject
x509: certificate.version certificate.serial
files: fuid source seen_bytes
files: fuid missing_bytes
notice: note actions
notice: note suppress_for
weird: name notice
software: host software_type
known_certs: host port_num issuer_subject
known_certs: host port_num serial
known_services: host port_num port_proto
known_devices: mac dhcp_host_name
modbus_mask_write_register: id.orig_h func and_mask
modbus_read_write_multiple_registers: id.orig_h func read_start_address
modbus_read_device_identification: id.orig_h func mei_type request_response
modbus_detailed: id.orig_h func matched
modbus_detailed: id.orig_h func network_direction
modbus: id.orig_h func
dnp3: id.orig_h fc_request
dnp3: id.orig_h fc_reply
dnp3_control: id.orig_h block_type function_code
dnp3_objects: id.orig_h object_type function_code
s7comm_plus: id.orig_h opcode_name
s7comm_read_szl: id.orig_h szl_id
s7comm: id.orig_h rosctr_code
s7comm: id.orig_h rosctr_name
cip_identity: id.orig_h vendor_name product_name
cip_io: id.orig_h connection_id io_data
cip: id.orig_h cip_service_code
enip: id.orig_h enip_command
bacnet: id.orig_h bvlc_function
bacnet_property: id.orig_h pdu_service property
bacnet_device_control: id.orig_h pdu_service device_state
bacnet_discovery: id.orig_h pdu_service object_name
opcua_binary: id.orig_h opcua_link_id identifier_str
"""
_SHOWN_BY = [
    (kind, frozenset(columns.split())) for kind, _, columns in (x.partition(":") for x in _SHOWN.strip().splitlines())
]
"""In this order: the more particular first. JSON leaves unset columns out, so each set is small."""
_HOST_ALONE = frozenset({"ts", "host"})
"""known_hosts has no further columns."""


def kind_of(path: str, columns: frozenset[str]) -> str | None:
    """Name the kind of log, None for one that is not read."""
    if path in KINDS or path in GOING_ON:
        return "conn" if path in GOING_ON else path
    if path in OTHER_KINDS:
        return None
    if columns == _HOST_ALONE:
        return "known_hosts"
    return next((kind for kind, shown in _SHOWN_BY if shown <= columns), None)
