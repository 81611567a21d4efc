"""Credentials for Airflow, from variables and from Google."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from reconciler.airflow.credentials import AirflowCredentials
from reconciler.model.errors import ReconcilerError, RemoteError


def read(
    audience: str | None = None, *, google_access: bool = False, variables: Mapping[str, str] = MappingProxyType({})
) -> AirflowCredentials:
    return AirflowCredentials.from_environment(audience, google_access=google_access, variables=variables)


def test_token_or_a_user_is_read_from_variables():
    assert read(variables={"AIRFLOW_TOKEN": " token\n"}) == AirflowCredentials(token="token")
    assert read(variables={"AIRFLOW_USERNAME": "me", "AIRFLOW_PASSWORD": "secret"}) == AirflowCredentials(
        user=("me", "secret")
    )


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({}, "no credentials for Airflow"),
        ({"AIRFLOW_TOKEN": "  "}, "no credentials for Airflow"),
        ({"AIRFLOW_USERNAME": "me"}, "AIRFLOW_PASSWORD is not set"),
        ({"AIRFLOW_PASSWORD": "canary"}, "AIRFLOW_USERNAME is not set"),
        ({"AIRFLOW_TOKEN": "canary", "AIRFLOW_USERNAME": "me", "AIRFLOW_PASSWORD": "canary"}, "both AIRFLOW_TOKEN and"),
        ({"AIRFLOW_TOKEN": "canary\r\nX-Other: 1"}, "characters that are not allowed in an HTTP header"),
    ],
)
def test_unusable_credentials_are_rejected_with_what_to_set(variables: dict[str, str], problem: str):
    with pytest.raises(ReconcilerError, match=problem) as caught:
        read(variables=variables)
    assert "canary" not in str(caught.value)


def encoded(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


ID_TOKEN = ".".join([encoded({"alg": "RS256"}), encoded({"exp": 4_000_000_000}), "c2ln"])


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """A service account whose tokens come from this machine; what its assertions claim."""
    claims: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            payload = sent["assertion"][0].split(".")[1]
            claims.append(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
            wants_identity = "target_audience" in claims[-1]
            answer = {"id_token": ID_TOKEN} if wants_identity else {"access_token": "access", "expires_in": 3600}
            data = json.dumps(answer).encode()
            if claims[-1].get("target_audience") == "denied":
                self.send_response(403)
                data = b'{"error": "canary"}'
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        info = {
            "type": "service_account",
            "client_email": "apply@example.iam.gserviceaccount.com",
            "private_key": key.decode(),
            "token_uri": f"http://127.0.0.1:{server.server_port}/token",
        }
        (tmp_path / "key.json").write_text(json.dumps(info))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
        try:
            yield claims
        finally:
            server.shutdown()
            thread.join()


def test_googles_identity_token_is_for_the_audience(google: list[dict[str, object]]):
    assert read("client.apps.googleusercontent.com") == AirflowCredentials(google=ID_TOKEN)
    assert [each["target_audience"] for each in google] == ["client.apps.googleusercontent.com"]


def test_google_identity_is_sent_beside_an_airflow_token(google: list[dict[str, object]]):
    assert read("client", variables={"AIRFLOW_TOKEN": "token"}) == AirflowCredentials(token="token", google=ID_TOKEN)


def test_googles_access_token_is_for_the_cloud(google: list[dict[str, object]]):
    assert read(google_access=True) == AirflowCredentials(google="access")
    assert [each["scope"] for each in google] == ["https://www.googleapis.com/auth/cloud-platform"]


class Federation(BaseHTTPRequestHandler):
    """GitHub's token, Google's exchange of it, and the account that it stands for."""

    asked: list[tuple[str, str, str]]

    def do_GET(self) -> None:
        self._answer({"value": "github_token"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self.path == "/sts":
            assert "github_token" in body
            self._answer({"access_token": "federated", "expires_in": 3600, "token_type": "Bearer"})
        else:
            self.asked.append((self.path, self.headers["authorization"], json.loads(body)["audience"]))
            self._answer({"token": ID_TOKEN} if "denied" not in body else {})

    def _answer(self, content: object) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@pytest.fixture
def federated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str, str]]]:
    """Credentials as GitHub Actions' job has them; what the account was asked."""
    asked: list[tuple[str, str, str]] = []
    handler = type("Handler", (Federation,), {"asked": asked})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        info = {
            "type": "external_account",
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/p",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": f"{url}/sts",
            "service_account_impersonation_url": f"{url}/apply@example.com:generateAccessToken",
            "credential_source": {
                "url": f"{url}/github",
                "format": {"type": "json", "subject_token_field_name": "value"},
            },
        }
        (tmp_path / "github.json").write_text(json.dumps(info))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "github.json"))
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


def test_githubs_identity_gets_the_accounts_token(federated: list[tuple[str, str, str]]):
    assert read("client") == AirflowCredentials(google=ID_TOKEN)
    assert federated == [("/apply@example.com:generateIdToken", "Bearer federated", "client")]


def test_account_that_gives_no_token_is_reported(federated: list[tuple[str, str, str]]):
    with pytest.raises(RemoteError, match=r"Google gave no identity token \(RefreshError\)"):
        read("denied")


def test_federated_credentials_without_an_account_are_reported(federated: list[tuple[str, str, str]], tmp_path: Path):
    file = tmp_path / "github.json"
    info = json.loads(file.read_text())
    del info["service_account_impersonation_url"]
    file.write_text(json.dumps(info))
    with pytest.raises(ReconcilerError, match="no valid Google credentials for an identity token"):
        read("client")


def test_token_that_google_denies_is_reported(google: list[dict[str, object]]):
    with pytest.raises(RemoteError, match=r"Google gave no identity token \(RefreshError\)") as caught:
        read("denied")
    assert "canary" not in str(caught.value)


def test_missing_google_credentials_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    with pytest.raises(ReconcilerError, match="create the token in CI and set AIRFLOW_TOKEN"):
        read("client")
    with pytest.raises(ReconcilerError, match="gcloud auth application-default login"):
        read(google_access=True)
