"""An OpenID Connect provider, as a process of its own: Authlib's server behind Flask, with PKCE required.

    python openid_provider.py CLIENT_ID CLIENT_SECRET

prints its issuer. Who is at the browser is told by whoever plays it (`/authorize?...&as=SUBJECT`), in place
of a form with a password. `PUT /people/SUBJECT` says which claims somebody has, `POST /rotate` has it sign
with a new key from then on. `PUT /client` says where logout tokens go, and what they say besides; `/out` ends
the session of who shows an id token, `POST /people/SUBJECT/out` all of somebody's.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # on loopback

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT_ID, CLIENT_SECRET = sys.argv[1:3]


@dataclass
class Person:
    subject: str
    claims: dict[str, Any] = field(default_factory=dict)
    shown_late: dict[str, Any] = field(default_factory=dict)
    """Claims that the user info has and the id token has not."""

    session: str = ""
    """`sid` of the latest."""

    def get_user_id(self) -> str:
        return self.subject


class Client:
    client_id = CLIENT_ID

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, uri: str) -> bool:
        return uri.endswith("/api/v1/sign-in/openid/callback")

    def check_client_secret(self, secret: str) -> bool:
        return secrets.compare_digest(secret, CLIENT_SECRET)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, kind: str) -> bool:
        return kind == "code"

    def check_grant_type(self, kind: str) -> bool:
        return kind == "authorization_code"


@dataclass
class Code:
    code: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    person: Person
    shown_at: int
    """When they showed that it is they: an hour ago, but for who is asked again."""

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.shown_at

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


people: dict[str, Person] = {}
registered: dict[str, Any] = {}
codes: dict[str, Code] = {}
tokens: dict[str, Person] = {}
keys: list[RSAKey] = []


def rotate() -> None:
    keys[:] = [RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"}, private=True)]


class CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)

    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload.data
        codes[code] = Code(
            code,
            request.payload.redirect_uri,
            request.payload.scope,
            asked.get("nonce", ""),
            asked.get("code_challenge", ""),
            asked.get("code_challenge_method", ""),
            request.user,
            int(time.time()) - (0 if asked.get("prompt") == "login" else 3600),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        del codes[authorization_code.code]

    def authenticate_user(self, authorization_code: Code) -> Person:
        return authorization_code.person


class IdToken(OpenIDCode):
    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return any(code.nonce == nonce for code in codes.values())

    def get_client_algorithm(self, client: Client) -> str:
        return "RS256"

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": issuer(), "aud": [CLIENT_ID]}

    def get_encode_header(self, client: Client) -> dict[str, str]:
        return {"alg": "RS256", "kid": keys[0].kid}

    def resolve_client_private_key(self, client: Client) -> RSAKey:
        return keys[0]

    def generate_user_info(self, user: Person, scope: str) -> dict[str, Any]:
        return {"sub": user.subject, "sid": user.session} | user.claims


def issuer() -> str:
    return f"http://127.0.0.1:{httpd.server_port}"


app = Flask("openid_provider")
server = AuthorizationServer(
    app,
    lambda client_id: Client() if client_id == CLIENT_ID else None,
    lambda token, asked: tokens.update({token["access_token"]: asked.user}),
)
server.register_grant(CodeGrant, [CodeChallenge(required=True), IdToken(require_nonce=True)])


@app.get("/.well-known/openid-configuration")
def metadata() -> Response:
    return jsonify(
        {
            "issuer": issuer(),
            "authorization_endpoint": f"{issuer()}/authorize",
            "token_endpoint": f"{issuer()}/token",
            "userinfo_endpoint": f"{issuer()}/userinfo",
            "jwks_uri": f"{issuer()}/keys",
            "end_session_endpoint": f"{issuer()}/out",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


@app.get("/keys")
def shown_keys() -> Response:
    return jsonify({"keys": [key.as_dict(private=False) for key in keys]})


@app.get("/authorize")
def authorize() -> Any:
    person = people.get(request.args.get("as", ""))
    if person is not None:
        person.session = secrets.token_hex(8)
    grant = server.get_consent_grant(end_user=person)
    return server.create_authorization_response(grant_user=person, grant=grant)


@app.post("/token")
def token() -> Any:
    return server.create_token_response()


@app.get("/userinfo")
def user_info() -> Any:
    person = tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
    if person is None:
        return Response(status=401)
    return jsonify({"sub": person.subject} | person.claims | person.shown_late)


@app.put("/people/<subject>")
def put_person(subject: str) -> Response:
    said = request.get_json()
    people[subject] = Person(subject, said.get("claims", {}), said.get("shown_late", {}))
    return Response(status=204)


@app.put("/client")
def put_client() -> Response:
    registered.update(request.get_json())
    return Response(status=204)


def tell_logout(**said: Any) -> int:
    """Status of the answer (Back-Channel Logout 1.0, 2.5)."""
    now = int(time.time())
    event = {"http://schemas.openid.net/event/backchannel-logout": {}}
    claims = {"iss": issuer(), "aud": CLIENT_ID, "iat": now, "exp": now + 120, "events": event}
    claims |= {"jti": secrets.token_hex(8)} | said | registered.get("said", {})
    token = jwt.encode({"alg": "RS256", "kid": keys[0].kid, "typ": "logout+jwt"}, claims, keys[0])
    told = urlencode({"logout_token": token}).encode()
    try:
        with urlopen(registered["backchannel_logout_uri"], told, timeout=30) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


@app.get("/out")
def sign_out() -> Any:
    """RP-Initiated Logout 1.0, 2 and 3."""
    hint = jwt.decode(request.args["id_token_hint"], keys[0]).claims
    assert hint["aud"] == [CLIENT_ID] and request.args["client_id"] == CLIENT_ID
    assert request.args["post_logout_redirect_uri"].endswith("/sign-in")
    tell_logout(sub=hint["sub"], sid=hint["sid"])
    return redirect(request.args["post_logout_redirect_uri"])


@app.post("/people/<subject>/out")
def out_everywhere(subject: str) -> Response:
    """Answers with the status that it got."""
    return jsonify(tell_logout(sub=subject))


@app.post("/rotate")
def new_key() -> Response:
    rotate()
    return Response(status=204)


rotate()
httpd = make_server("127.0.0.1", 0, app, threaded=True)
print(issuer(), flush=True)
httpd.serve_forever()
