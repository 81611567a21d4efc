"""What happens off the page: what a colleague did in Fivetran or BigQuery, what a vendor's source presents."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.certificates import authority
from tests.docs.session import Session

PROJECT = "dev-fivetran"


def make_connection_by_hand(reader: Session) -> None:
    """Let a colleague click a connection and its dataset together in Fivetran's interface."""
    snapshot = reader.admin.snapshot()
    group = next(each["id"] for each in snapshot["groups"] if each["name"] == "Fivetran_Dev")
    reader.admin.gcp("PUT", f"/datasets/{PROJECT}/hubspot", {})
    reader.admin.make(
        group_id=group,
        service="hubspot",
        config={"schema": "hubspot", "historical_sync_time_frame": "ALL_TIME"},
        auth={"refresh_token": "given-by-consent"},
        succeeded_at="2026-11-24T10:00:00Z",
    )


def change_by_hand(reader: Session, connection: str) -> None:
    """Let a colleague change a connection in Fivetran's interface."""
    reader.admin.edit(connection, config={"update_method": "WAL_PGOUTPUT"})


def change_back(reader: Session, connection: str) -> None:
    """Let that colleague change it back."""
    reader.admin.edit(connection, config={"update_method": "QUERY_BASED"})


def revoke_by_hand(reader: Session, dataset: str, member: str) -> None:
    """Let a colleague take a person off a dataset's access list in Google's console."""
    reader.admin.gcp("DELETE", f"/datasets/{PROJECT}/{dataset}/access", {"userByEmail": member})


def grant_by_hand(reader: Session, dataset: str, member: str) -> None:
    """Let a colleague add a person to a dataset's access list in Google's console."""
    entry = {"role": "READER", "userByEmail": member}
    reader.admin.gcp("POST", f"/datasets/{PROJECT}/{dataset}/access", entry)


def present_private_certificate(reader: Session, host: str) -> None:
    """Let a database present a certificate of a private authority."""
    reader.admin.set_host(host, certificates=[authority("Shop CA").pem])


def leave_lock(reader: Session, stack: str) -> None:
    """Leave the lock of a run that was killed."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    lock = {
        "pid": ended.pid,
        "username": "ci",
        "hostname": socket.gethostname(),
        "timestamp": datetime.now(UTC).isoformat(),
    }
    folder = _backend(reader) / "locks" / "organization" / "fivetran-reconciler" / stack
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "4c3cbd2b-2f9e-4f3c-9d5e-0d9a4f7d7d3b.json").write_text(json.dumps(lock))


def lose_state(reader: Session, stack: str) -> None:
    """Lose what the backend holds of a stack."""
    for folder in ("stacks", "history", "backups"):
        for found in (_backend(reader) / folder).rglob(f"{stack}*"):
            if found.is_dir():
                shutil.rmtree(found)
            else:
                found.unlink(missing_ok=True)


def keep_only(reader: Session, environment: str, *units: str) -> None:
    """Leave an environment with a few of its units, which takes less time."""
    for file in (reader.folder / "connectors" / environment).glob("*.yaml"):
        if file.stem not in (*units, "environment"):
            file.unlink()


def save_key(reader: Session, name: str) -> None:
    """Save a key in a file, with the line feed that editors add."""
    (reader.folder / name).write_text("a-new-value\n")


def deploy(reader: Session, environment: str) -> None:
    """Apply an environment, as the merge before has done."""
    text, code = reader.run(f"pulumi up --stack {environment} --yes --skip-preview")
    assert code == 0, text


def start_services(reader: Session) -> None:
    """Start the local services, as the tutorial does, on the day of the pages."""
    for command in ("export RECONCILER_TODAY=2026-12-01", 'eval "$(reconciler simulate &)"'):
        text, code = reader.run(command)
        assert code == 0, text


def add_members(reader: Session) -> None:
    """Have a user and a team in the Fivetran account; the team has its role in the group already."""
    reader.admin.make_user("analyst@example.com")
    reader.admin.make_team("Data Engineering", "analyst@example.com")
    reader.admin.set_access("Fivetran_Dev", **{"team:Data Engineering": "Edit Destination"})


def make_account_to_declare(reader: Session) -> None:
    """Have a group, a destination, roles and datasets that people made by hand, and that no file declares."""
    group, project = reader.admin.make_group_with_destination("Fivetran_Staging"), "example-staging"
    config = {"project_id": project, "data_set_location": "EU"}
    reader.admin.set_destination(group, region="GCP_EUROPE_WEST3", config=config, setup_status="connected")
    reader.admin.make_user("ana@example.com")
    reader.admin.set_access(
        "Fivetran_Staging",
        **{"user:ana@example.com": "Manage Destination", "user:simulator-key@example.com": "Manage Destination"},
    )
    access = [
        {"role": "OWNER", "userByEmail": f"reconciler@{project}.iam.gserviceaccount.com"},
        {"role": "READER", "groupByEmail": "data@example.com"},
    ]
    reader.admin.gcp("PUT", f"/datasets/{project}/shop", {"location": "EU", "access": access})
    account = f"serviceAccount:g-{group.replace('_', '-')}@fivetran-production.iam.gserviceaccount.com"
    for role, member in (
        ("roles/bigquery.user", account),
        ("roles/bigquery.jobUser", "group:data@example.com"),
        ("roles/bigquery.dataViewer", "user:boss@example.com"),
    ):
        reader.admin.gcp("POST", f"/grants/{project}", {"role": role, "member": member})


def add_members_by_hand(reader: Session) -> None:
    """Let a colleague give a contractor a role in Fivetran's interface."""
    reader.admin.make_user("contractor@example.com")
    reader.admin.set_access("Fivetran_Dev", **{"user:contractor@example.com": "Edit Destination"})


def commit_files(reader: Session, day: str) -> None:
    """Keep the files in a git repository, in a commit of a past day."""
    # A repository beside the folder: later pages run without one.
    reader.env |= {"GIT_DIR": str(reader.folder.parent / "history.git"), "GIT_WORK_TREE": str(reader.folder)}
    author = "-c user.name=a -c user.email=a@example.com"
    moment = f"GIT_AUTHOR_DATE={day}T10:00:00Z GIT_COMMITTER_DATE={day}T10:00:00Z"
    commands = ("git init -q -b main", "git add connectors", f"{moment} git {author} commit -q -m {day}")
    for command in commands:
        text, code = reader.run(command)
        assert code == 0, text


def forget_history(reader: Session) -> None:
    """Take the git repository away again."""
    for name in ("GIT_DIR", "GIT_WORK_TREE"):
        reader.env.pop(name)


def check_out_bigquery_etl(reader: Session) -> None:
    """Write a checkout of bigquery-etl beside the folder, with queries of every kind of finding."""
    sql = reader.folder.parent / "bigquery-etl" / "sql" / "moz-fx-data-shared-prod"
    for query, task, table in (
        ("stripe_external/card_v1", "fivetran_stripe_prod", "`moz-fx-data-bq-fivetran`.stripe.card"),
        ("stripe_external/nonprod_card_v1", "fivetran_stripe_nonprod", "`dev-fivetran`.stripe_nonprod.card"),
        ("monitoring_derived/airflow_dag_v1", "fivetran_airflow_metadata_import", "`moz-fx-data-bq-fivetran.zoom.dag`"),
        ("fivetran_costs_derived/destinations_v1", "fivetran_log_prod", "`moz-fx-data-bq-fivetran.fivetran.log`"),
        ("shop_external/orders_v1", "", "`dev-fivetran.google_sheets.orders`"),
    ):
        folder = sql / query
        folder.mkdir(parents=True)
        fivetran = f"  depends_on_fivetran:\n    - task_id: {task}\n" if task else ""
        (folder / "metadata.yaml").write_text(f"friendly_name: x\nscheduling:\n  dag_name: bqetl_x\n{fivetran}")
        (folder / "query.sql").write_text(f"SELECT\n  *\nFROM\n  {table}\n")


def _backend(reader: Session) -> Path:
    return Path(reader.env["PULUMI_BACKEND_URL"].removeprefix("file://")) / ".pulumi"


SCENES: dict[str, Callable[..., None]] = {
    "connection-by-hand": make_connection_by_hand,
    "changed-by-hand": change_by_hand,
    "changed-back": change_back,
    "revoked-by-hand": revoke_by_hand,
    "grant-by-hand": grant_by_hand,
    "private-certificate": present_private_certificate,
    "lock": leave_lock,
    "lost-state": lose_state,
    "key-file": save_key,
    "checkout-of-bigquery-etl": check_out_bigquery_etl,
    "only": keep_only,
    "deployed": deploy,
    "services": start_services,
    "members": add_members,
    "account-to-declare": make_account_to_declare,
    "members-by-hand": add_members_by_hand,
    "history": commit_files,
    "no-history": forget_history,
}
