"""Draft the file of a new connector: small, valid, and with a comment where a person has to decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from reconciler.config.build.to_yaml import may_stand_on_one_line, schema_line
from reconciler.config.yaml.document import Path
from reconciler.edits.lifecycle import first_last_day
from reconciler.fivetran.catalog import Field, Form, Service
from reconciler.importer.draft import FILL_IN
from reconciler.model import Environment, Fleet, commands, references
from reconciler.yaml_text.writer import format_yaml

#: What names a source: text that a person fills in, in the order of a file.
_SOURCE = (
    "host", "hosts", "servers", "port", "database", "user", "username", "account", "domain", "subdomain", "sub_domain",
    "tenant", "base_url", "endpoint", "email", "organization_id", "company_id", "merchant_id", "project_id",
    "bucket", "gcs_bucket", "sheet_id", "named_range", "key_id", "issuer_id", "client_id", "access_key_id",
    "database_name", "function_app", "function_name", "site_name", "pat_name", "sid", "service_account_username",
    "sender_id", "user_id", "function", "public_key", "dataset_id", "folder_id", "data_center", "shop", "user_name",
    "domain_host_name",
)  # fmt: skip
#: Credentials by how usual they are: a file gets the first that its service takes, with the one that belongs to it.
_CREDENTIALS = (
    ("consumer_key", "consumer_secret", "token_key", "token_secret"),
    ("password",), ("api_key",), ("api_token",), ("access_token",), ("personal_access_token",), ("token",),
    ("api_access_token",), ("bearer_token",), ("secret_key",), ("access_key_secret",), ("client_secret",),
    ("consumer_key", "consumer_secret"), ("private_key",), ("connection_string",), ("role_arn",),
    ("sasl_plain_key", "sasl_plain_secret"), ("auth_secret",),
)  # fmt: skip
#: What belongs to one credential, and is left out where another one is used.
_BELONGS_TO = {
    "client_id": "client_secret", "access_key_id": "access_key_secret", "key_id": "private_key",
    "pat_name": "pat_secret", "sid": "secret", "service_account_username": "service_account_secret",
    "sender_id": "sender_password", "user_id": "login_password", "function_name": "function_key",
    "function_app": "function_key", "database_name": "service_account_key", "site_name": "pat_secret",
}  # fmt: skip
#: A service without a usual credential gets all its secrets up to this number. More are several ways to connect.
_MOST_SECRETS = 2
#: The usual port by a part of the service's id.
_PORTS = {
    "postgres": 5432, "mysql": 3306, "maria": 3306, "aurora": 3306, "sql_server": 1433, "sqlserver": 1433,
    "azure_sql": 1433, "oracle": 1521, "redshift": 5439, "db2": 50000, "sap_hana": 30015, "documentdb": 27017,
    "snowflake": 443, "sftp": 22, "ftp": 21,
}  # fmt: skip
#: The services whose code is the user's own.
FUNCTION, PACKAGE = "google_cloud_function", "connector_sdk"
_FUNCTIONS_REGION, _CODES_KEY = "us-central1", "api_key"
_FILL_IN = "fill-in"
#: The form of a name in `destination`, which has no hyphen.
_FILL_IN_NAME = "fill_in"
#: Above `expires`.
EXPIRY_COMMENT = "The last day. After it the connector is paused, and later removed with its data."
#: What begins the names of secrets, if no unit's file shows another beginning.
_PREFIX = "fivetran-"


@dataclass(frozen=True)
class NewUnitRequest:
    """What the user says about a new unit. Without a value, the file gets a placeholder or the usual one."""

    name: str
    owners: tuple[str, ...] = ()
    description: str | None = None
    task_id: str | None = None
    is_sensitive: bool = False
    package: str | None = None
    """The ZIP file with the code of a Connector SDK connector, below the environment's folder."""


@dataclass
class NewUnit:
    """A drafted file, and what to do beyond it."""

    text: str
    secrets: list[str] = field(default_factory=list)
    """The names of the secrets that it refers to."""
    needs_consent: bool = False


def draft(service: Service, wanted: NewUnitRequest, environment: Environment, prefix: str, today: date) -> NewUnit:
    """Draft the file of a connector.

    Args:
        service: Its service.
        wanted: What the user says about it.
        environment: Its environment, whose policy decides about expiry, labels and tables.
        prefix: What begins the names of the environment's secrets.
        today: The current date.
    """
    comments: dict[Path, str] = {}
    config, secrets = _config(service, wanted.name, prefix, comments)
    needs_consent = service.needs_consent(config, has_auth=False)
    connector: dict[str, Any] = {"service": service.id, "destination": _destination(service.form, wanted.name)}
    what = "what the datasets' names begin with" if service.form == Form.PREFIX else "the dataset's name in BigQuery"
    comments["connector", "destination"] = f"Fixed once the connection exists: {what}."
    if service.id == FUNCTION:
        connector["function"] = {"name": wanted.name, "region": _FUNCTIONS_REGION}
        comments["connector", "function"] = f"{FILL_IN} the Cloud Function that Fivetran calls"
        comments["connector", "config", "secrets_list"] = "What the function finds in `secrets` of each request."
    if wanted.package is not None:
        connector["package"] = wanted.package
        comments["connector", "package"] = "What `fivetran package` wrote: uploaded when the code in it changes."
        comments["connector", "config", "secrets_list"] = "What the code finds in `configuration`: the keys it reads."
    if service.id in (FUNCTION, PACKAGE):
        secret = secret_name(prefix, wanted.name, _CODES_KEY)
        config["secrets_list"] = [{"key": _CODES_KEY, "value": {"secret": secret, "version": 1}}]
        secrets.append(secret)
    connector |= {"config": config} if config else {}
    if wanted.task_id is not None:
        connector["schedule"] = {"by": "airflow", "task_id": wanted.task_id}
    if needs_consent:
        comments["connector", "service"] = consent_comment(wanted.name, environment)
    unit: dict[str, Any] = {
        "description": wanted.description or "Fill in what this data is and who uses it.",
        "owners": list(wanted.owners) or ["fill-in@example.com"],
        "connector": connector,
    }
    if wanted.description is None:
        comments["description",] = f"{FILL_IN} a sentence, which BigQuery shows too"
    if not wanted.owners:
        comments["owners",] = f"{FILL_IN} the address of an owner"
    unit |= _datasets(service, wanted, environment, connector, comments)
    unit |= _expiry(environment, today, comments)
    text = format_yaml(unit, comments=comments, on_one_line=may_stand_on_one_line)
    return NewUnit(f"{schema_line()}\n{text}", secrets, needs_consent)


def _destination(form: Form, name: str) -> dict[str, str]:
    first, *others = form.keys[0]
    return {first: name.replace("-", "_"), **dict.fromkeys(others, _FILL_IN_NAME)}


def _config(service: Service, name: str, prefix: str, comments: dict[Path, str]) -> tuple[dict[str, Any], list[str]]:
    fields = {key: found for key, found in service.config.items() if not found.readonly}
    # With a consent in the browser, a key is the rarer way, and the secret of an app is none without its id.
    rarer = {"private_key"} if "client_id" in fields else {"private_key", "client_secret"}
    usual = [each for each in _CREDENTIALS if not (service.consent.by_default and rarer & {*each})]
    credentials: tuple[str, ...] = next((each for each in usual if all(key in fields for key in each)), ())
    if not credentials and not service.consent.by_default and service.id not in (FUNCTION, PACKAGE):
        every = tuple(key for key, found in fields.items() if found.kind == "secret" and key != "secrets")
        credentials = every if len(every) <= _MOST_SECRETS else ()
    keys = [key for key in _SOURCE if key in fields and _BELONGS_TO.get(key) in (None, *credentials)]
    keys += [key for key, found in fields.items() if found.required and key not in keys]
    guide = f"{FILL_IN} as in Fivetran's setup guide of {service.name}"
    config: dict[str, Any] = {}
    for key in keys:
        if key in credentials:
            continue
        if (value := _placeholder(service, key, fields[key])) is not None:
            config[key] = value
            if value in (_FILL_IN, [_FILL_IN]):
                comments["connector", "config", key] = guide
            elif fields[key].kind == "choice":
                comments["connector", "config", key] = f"One of {', '.join(filter(None, fields[key].choices))}."
    secrets = []
    for key in credentials:
        secret = secret_name(prefix, name, key)
        config[key] = {"secret": secret, "version": 1}
        secrets.append(secret)
    # One comment is enough for values that stand together.
    for path in [path for path, text in comments.items() if text == guide][1:]:
        comments.pop(path)
    return config, secrets


def _placeholder(service: Service, key: str, field: Field) -> Any:
    if key == "port":
        return next((port for part, port in _PORTS.items() if part in service.id), None)
    if field.kind == "choice":
        return next(filter(None, field.choices), None)
    if field.kind == "list" and field.items is not None and field.items.kind == "string":
        return [_FILL_IN]
    return _FILL_IN if field.kind in ("string", "any") else None


def _datasets(
    service: Service,
    wanted: NewUnitRequest,
    environment: Environment,
    connector: dict[str, Any],
    comments: dict[Path, str],
) -> Mapping[str, Any]:
    labels = {key: _FILL_IN for key in environment.labels.required if key not in environment.labels.default}
    dataset: dict[str, Any] = {"friendly_name": wanted.name.replace("_", " ").replace("-", " ").capitalize()}
    dataset |= {"labels": labels} if labels else {}
    dataset |= {"sensitive": True} if wanted.is_sensitive else {}
    path: tuple[str, ...] = ("dataset",)
    if service.form == Form.PREFIX:
        path = ("datasets", "public" if "postgres" in service.id else _FILL_IN_NAME)
        comments["datasets",] = "One entry for each schema of the source."
        if environment.policy.undeclared_datasets == "forbidden":
            connector["sync"] = {"new": "allow_columns", "schemas": {path[1]: "included"}}
    if labels:
        comments[*path, "labels"] = f"{FILL_IN} {labels_comment(environment)}"
    if wanted.is_sensitive:
        comments[*path, "sensitive"] = "Only the members in `access` can read it."
    elif who := readers_comment(environment):
        comments[*path, "friendly_name"] = who
    return {path[0]: dataset} if len(path) == 1 else {path[0]: {path[1]: dataset}}


def _expiry(environment: Environment, today: date, comments: dict[Path, str]) -> Mapping[str, str]:
    day = first_last_day(environment, today)
    if day is None:
        return {}
    comments["expires",] = EXPIRY_COMMENT
    return {"expires": str(day)}


def secret_commands(secrets: list[str], environment: Environment) -> Iterator[str]:
    """Yield the command that writes each secret."""
    for name in secrets:
        yield commands.reconciler("secret put", name, environment=environment.name)


def consent_comment(name: str, environment: Environment) -> str:
    """Return the comment of a service that needs a person's consent."""
    authorise = commands.reconciler("authorise", name, environment=environment.name)
    return f"A person consents in a browser once the connection exists: {authorise} prints the link. Or write `auth`."


def readers_comment(environment: Environment) -> str:
    """Return the comment that names who reads a dataset by default; empty where no member does."""
    who = ", ".join(dict.fromkeys(each for grant in environment.default_access for each in grant.members))
    return f"{who} can read it. For sensitive data, write `sensitive: true` and `access`." if who else ""


def labels_comment(environment: Environment) -> str:
    """Return the comment above labels to fill in, without its beginning."""
    return f"the labels that every dataset in {environment.name} needs"


def secret_prefix(fleets: Iterable[Fleet]) -> str:
    """Return the prefix of most secrets named after their unit; `fivetran-` if none is."""
    found: Counter[str] = Counter()
    for fleet in fleets:
        for unit in fleet.units:
            for tree in unit.connector.trees.values() if unit.connector is not None else ():
                for path, reference in references(tree):
                    tail = secret_name("", unit.name, path)
                    if reference.kind == "secret" and reference.name.endswith(tail):
                        found[reference.name.removesuffix(tail)] += 1
    return found.most_common(1)[0][0] if found else _PREFIX


def secret_name(prefix: str, unit: str, path: str) -> str:
    """Return the name of a unit's secret for the value at a dotted path: `fivetran-shop-api-key`."""
    key = path.rpartition(".")[2]
    return f"{prefix}{unit}-{key}".replace("_", "-")
