"""Names of the ATT&CK techniques that detectors cite (https://attack.mitre.org, version 17, Enterprise and ICS)."""

TECHNIQUES = {
    "T0836": "Modify Parameter", "T0855": "Unauthorized Command Message",
    "T0888": "Remote System Information Discovery",
    "T1003": "OS Credential Dumping", "T1003.006": "DCSync", "T1007": "System Service Discovery",
    "T1012": "Query Registry", "T1018": "Remote System Discovery", "T1021": "Remote Services",
    "T1021.001": "Remote Desktop Protocol", "T1021.002": "SMB/Windows Admin Shares",
    "T1021.003": "Distributed Component Object Model", "T1021.004": "SSH", "T1021.005": "VNC",
    "T1021.006": "Windows Remote Management", "T1036": "Masquerading", "T1046": "Network Service Discovery",
    "T1047": "Windows Management Instrumentation", "T1048": "Exfiltration Over Alternative Protocol",
    "T1048.003": "Exfiltration Over Unencrypted Non-C2 Protocol", "T1049": "System Network Connections Discovery",
    "T1053": "Scheduled Task/Job", "T1053.005": "Scheduled Task", "T1070": "Indicator Removal",
    "T1070.001": "Clear Windows Event Logs", "T1071": "Application Layer Protocol", "T1071.001": "Web Protocols",
    "T1071.004": "DNS", "T1072": "Software Deployment Tools", "T1078": "Valid Accounts", "T1078.004": "Cloud Accounts",
    "T1090": "Proxy", "T1090.003": "Multi-hop Proxy", "T1095": "Non-Application Layer Protocol",
    "T1098": "Account Manipulation", "T1098.001": "Additional Cloud Credentials",
    "T1098.002": "Additional Email Delegate Permissions", "T1098.003": "Additional Cloud Roles",
    "T1098.005": "Device Registration", "T1110": "Brute Force", "T1110.001": "Password Guessing",
    "T1110.003": "Password Spraying", "T1110.004": "Credential Stuffing", "T1112": "Modify Registry",
    "T1114": "Email Collection", "T1114.002": "Remote Email Collection", "T1114.003": "Email Forwarding Rule",
    "T1136": "Create Account", "T1136.003": "Cloud Account", "T1187": "Forced Authentication",
    "T1200": "Hardware Additions", "T1210": "Exploitation of Remote Services",
    "T1213": "Data from Information Repositories", "T1213.002": "Sharepoint",
    "T1484": "Domain or Tenant Policy Modification",
    "T1484.002": "Trust Modification", "T1489": "Service Stop", "T1496": "Resource Hijacking",
    "T1498": "Network Denial of Service", "T1499": "Endpoint Denial of Service",
    "T1204": "User Execution", "T1204.001": "Malicious Link", "T1534": "Internal Spearphishing",
    "T1528": "Steal Application Access Token", "T1529": "System Shutdown/Reboot", "T1530": "Data from Cloud Storage",
    "T1539": "Steal Web Session Cookie", "T1550": "Use Alternate Authentication Material",
    "T1550.001": "Application Access Token", "T1555": "Credentials from Password Stores",
    "T1556": "Modify Authentication Process", "T1556.006": "Multi-Factor Authentication",
    "T1556.009": "Conditional Access Policies", "T1557": "Adversary-in-the-Middle", "T1557.002": "ARP Cache Poisoning",
    "T1562": "Impair Defenses", "T1562.001": "Disable or Modify Tools", "T1562.006": "Indicator Blocking",
    "T1562.008": "Disable or Modify Cloud Logs", "T1564": "Hide Artifacts", "T1564.008": "Email Hiding Rules",
    "T1566": "Phishing", "T1566.002": "Spearphishing Link", "T1567": "Exfiltration Over Web Service",
    "T1568": "Dynamic Resolution", "T1568.002": "Domain Generation Algorithms", "T1569": "System Services",
    "T1569.002": "Service Execution", "T1570": "Lateral Tool Transfer", "T1571": "Non-Standard Port",
    "T1572": "Protocol Tunneling", "T1573": "Encrypted Channel", "T1589": "Gather Victim Identity Information",
    "T1589.001": "Credentials", "T1595": "Active Scanning", "T1621": "Multi-Factor Authentication Request Generation",
}  # fmt: skip


def technique_name(technique: str) -> str:
    """Return a technique's name; of one that is not in the table, its id."""
    return TECHNIQUES.get(technique, technique)
