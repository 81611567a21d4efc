import pytest

from reconciler.specs.rules.credentials import is_credential, is_private_key


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "agent_password",
        "tde_wallet_password",
        "api_key",
        "api_key_2",
        "v2_api_key",
        "api_token",
        "access_token",
        "refresh_token",
        "developer_token",
        "bearer_token",
        "token",
        "client_secret",
        "app_secret",
        "secret",
        "private_key",
        "client_private_key",
        "secret_key",
        "pgp_secret_key",
        "aws_secret_access_key",
        "secret_access_key",
        "pass_phrase",
        "pgp_pass_phrase",
        "passphrase",
        "connection_string",
        "abs_connection_string",
        "pats",
        "secrets",
        "secret_value",
        "personal_access_token",
        "subscription_key",
        "access_key_secret",
    ],
)
def test_names_that_every_service_uses_for_a_credential_are_known(name: str):
    assert is_credential(("connector", "config", name))
    assert is_credential(("connector", "auth", "client_access", name))
    assert is_credential(("connector", "config", name, 0))


@pytest.mark.parametrize(
    "name",
    [
        "username",
        "client_id",
        "function_trigger",
        "public_key",
        "role_arn",
        "certificate",
        "access_key_id",
        "tenant_id",
        "key",
        "value",
        "host",
        "password_type",
        "has_password_file",
        "tokens_per_hour",
        "primary_key",
        "hostname",
        "api_key_name",
        "token_url",
        "secrets_list",
        "private_key_path",
        "account_id",
        "encoded_public_key",
    ],
)
def test_names_that_are_no_secret_somewhere_may_hold_plain_text(name: str):
    assert not is_credential(("connector", "config", name))


def test_the_value_of_a_secrets_list_is_a_credential_and_that_of_a_payload_is_not():
    assert is_credential(("connector", "config", "secrets_list", 0, "value"))
    assert not is_credential(("connector", "config", "secrets_list", 0, "key"))
    assert not is_credential(("connector", "config", "custom_payloads", 0, "value"))


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "PGP "])
def test_a_private_key_is_known_by_its_armour(kind: str):
    block = " BLOCK" if kind == "PGP " else ""
    assert is_private_key(f"x\n-----BEGIN {kind}PRIVATE KEY{block}-----\nabc")
    assert not is_private_key("-----BEGIN PUBLIC KEY-----")
    assert not is_private_key("-----BEGIN CERTIFICATE-----")
