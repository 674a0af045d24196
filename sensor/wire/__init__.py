"""What edges share: HTTP, TLS, file tailing, framing, the envelope between sites."""
