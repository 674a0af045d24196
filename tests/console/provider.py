"""A tiny OpenID provider on loopback: discovery, authorization, token, keys, userinfo; it can be told to lie."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

CLIENT, SECRET = "spanline", "hush"


class Provider:
    """One provider.

    Attributes:
        claims: What its ID tokens say beside what they must.
        forge: Changes a token's claims before it is signed.
        userinfo: What its userinfo says.
    """

    def __init__(self):
        self.claims, self.userinfo = {"groups": ["soc"], "preferred_username": "Kim@Ex.com"}, {}
        self.forge = lambda claims: claims
        self.key, self.alg = RSAKey.generate_key(2048, {"kid": "one"}), "RS256"
        self._codes = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.answer(self)

            do_POST = do_GET  # noqa: N815 - as http.server calls it

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.described_as = self.issuer
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, request):
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        length = int(request.headers.get("content-length") or 0)
        form = {name: values[0] for name, values in parse_qs(request.rfile.read(length).decode()).items()}
        page = {"/.well-known/openid-configuration": self._description, "/authorize": self._authorize,
                "/token": self._token, "/keys": self._keys, "/userinfo": lambda *_: self.userinfo}  # fmt: skip
        found = page[parts.path](query, form, request)
        if isinstance(found, str):
            request.send_response(302)
            request.send_header("Location", found)
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        status = 400 if "error" in found else 200
        body = json.dumps(found).encode()
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _description(self, *_):
        return {
            "issuer": self.described_as, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }  # fmt: skip

    def _authorize(self, query, *_):
        assert ("code", CLIENT, "S256") == (query["response_type"], query["client_id"], query["code_challenge_method"])
        assert "openid" in query["scope"].split()
        code = secrets.token_urlsafe(8)
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state'], 'iss': self.issuer})}"

    def _token(self, _query, form, request):
        asked = self._codes.pop(form.get("code"), None)
        known = "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or request.headers.get("authorization") != known or challenge != asked["code_challenge"]:
            return {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "sub": "u1", "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = self.forge(claims | self.claims)
        key = OctKey.import_key("0" * 32) if self.alg == "HS256" else self.key
        header = {"alg": self.alg, "kid": self.key.kid}
        token = jwt.encode(header, claims, key, algorithms=[self.alg])
        return {"access_token": "at", "token_type": "Bearer", "expires_in": 300, "id_token": token}

    def _keys(self, *_):
        return KeySet([self.key]).as_dict(private=False)
