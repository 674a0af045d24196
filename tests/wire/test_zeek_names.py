"""Tables of names."""

from sensor.wire.zeek_names import CIPHERS, DHCP_TYPES, KERBEROS_ERRORS


def test_numbers_of_names():
    """Spot checks against the registries: one of each family, the first and the last."""
    assert (0x0005, 0x1301, 0xC02F, 0xCCA9) == tuple(
        CIPHERS[f"TLS_{name}"]
        for name in (
            "RSA_WITH_RC4_128_SHA", "AES_128_GCM_SHA256", "ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        )
    )  # fmt: skip
    assert (6, 24, 37, 60) == tuple(
        KERBEROS_ERRORS[name]
        for name in ("KDC_ERR_C_PRINCIPAL_UNKNOWN", "KDC_ERR_PREAUTH_FAILED", "KRB_AP_ERR_SKEW", "KRB_ERR_GENERIC")
    )
    assert list(range(1, 9)) == list(DHCP_TYPES.values())


def test_no_number_has_two_names():
    """Each table is one to one."""
    for table in (CIPHERS, KERBEROS_ERRORS, DHCP_TYPES):
        assert len(table) == len(set(table.values()))
