"""Tokens of Microsoft's identity platform for a program of its own.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow. Does not sign with certificates.
"""

from sensor.wire.api_offer import Asked
from sensor.wire.credentials import BearerToken, client_credentials

LOGIN_URL = "https://login.microsoftonline.com"
"""Of the worldwide cloud; `login_url` names another."""


def token_url(asked: Asked) -> str:
    """Return where the tenant's tokens come from. Raises ConfigError."""
    return f"{asked.text('login_url', LOGIN_URL).rstrip('/')}/{asked.part('tenant')}/oauth2/v2.0/token"


def credentials(asked: Asked, api_url: str) -> BearerToken:
    """Return the credentials for an API. Raises ConfigError."""
    grant = client_credentials(asked.part("client_id"), asked.secret, f"{api_url}/.default")
    return BearerToken(token_url(asked), grant)
