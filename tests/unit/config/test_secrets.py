import pytest

from reconciler.config.plain_credentials import is_credential_key, is_private_key

#: Names of format `password` in Fivetran's API, and names of the same words.
CREDENTIALS = """
    password agent_password tde_wallet_password passphrase pass_phrase pgp_pass_phrase db_passwd
    secret client_secret app_secret access_key_secret oauth2_secret secret_value secrets pat_secret token_secret
    token api_token access_token refresh_token developer_token bearer_token personal_access_token
    api_key api_key_2 api_key_3 v2_api_key x_api_key customer_api_key schema_registry_api_key api_admin_key x_master_key
    access_key account_key storage_account_key service_account_key app_key application_key company_key consumer_key
    integration_key function_key subscription_key oauth_subscription_key secured_signon_key token_key user_key x_key
    client_key client_cert_key service_principal_client_cert_pvt_key webhook_key
    private_key client_private_key tde_private_key tde_private_key_backup pgp_secret_key aws_secret_access_key
    sasl_plain_key sasl_plain_secret sasl_scram256_key sasl_scram512_key schema_registry_key schema_registry_secret
    connection_string abs_connection_string blob_sas_url auth_code keystore pats query_param_value
    signing_key encryption_key license_key credentials apiKey clientSecret API_KEY api-key apikey
"""

#: Names that stand for something public in one service at least, of format `password` in another or not.
NO_CREDENTIALS = """
    username hostname host client_id account_id access_key_id tenant_id token_id key_id certificate_id app_id
    public_key signer_public_key encoded_public_key primary_key primary_keys sort_key partition_key project_key
    auth_header_key report_keys key value role_arn s3_role_arn function_trigger certificate client_cert truststore
    password_type has_password_file is_private_key_encrypted is_keypair key_type key_store_type
    tokens_per_hour token_url region_token_url refresh_token_expires_at secrets_list
    api_key_name private_key_path tde_certificate_path schema_registry_credentials_source instance_code issue_key
    monkey turkey path compass bypass
"""


@pytest.mark.parametrize("name", CREDENTIALS.split())
def test_names_that_every_service_uses_for_a_credential_are_known(name: str):
    assert is_credential_key(("connector", "config", name))
    assert is_credential_key(("connector", "auth", "client_access", name))
    assert is_credential_key(("connector", "config", name, 0))


@pytest.mark.parametrize("name", NO_CREDENTIALS.split())
def test_names_that_are_not_secret_in_some_service_may_hold_plain_text(name: str):
    assert not is_credential_key(("connector", "config", name))


def test_value_of_a_secrets_list_is_a_credential_and_that_of_a_payload_is_not():
    assert is_credential_key(("connector", "config", "secrets_list", 0, "value"))
    assert not is_credential_key(("connector", "config", "secrets_list", 0, "key"))
    assert not is_credential_key(("connector", "config", "custom_payloads", 0, "value"))


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED ", "PGP "])
def test_private_key_is_recognised_by_its_begin_line(kind: str):
    block = " BLOCK" if kind == "PGP " else ""
    assert is_private_key(f"x\n-----BEGIN {kind}PRIVATE KEY{block}-----\nabc")
    assert not is_private_key("-----BEGIN PUBLIC KEY-----")
    assert not is_private_key("-----BEGIN CERTIFICATE-----")
