"""What holds for the access list of every dataset, whatever the files say: from the files to the entries."""

import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.google.written_list import written_list

from reconciler.config import load
from reconciler.config.yaml.read import parse
from reconciler.google.bigquery.access import (
    AccessEntry,
    drop_void_entries,
    inherited_entries,
    is_person,
    is_project_role,
    is_public,
    parse_entry,
    parse_until,
    to_place,
)
from reconciler.lifecycle.expiry import apply_expiry
from reconciler.model import Dataset, Fleet

TODAY = date(2026, 12, 1)
WRITER = "g-lively-panda@fivetran-production.iam.gserviceaccount.com"
PATTERN = "wg-{workgroup}--{subgroup}@example.com"
WRITES = AccessEntry("WRITER", "userByEmail", WRITER)

ROBOTS = ["serviceAccount:robot@p.iam.gserviceaccount.com", "user:1-compute@developer.gserviceaccount.com"]
STANDING = ["workgroup:data/engineers", "group:WG-Data--Engineers@example.com", "user:S@example.com"]
OTHERS = [
    "user:a@example.com",
    "serviceAccount:a@example.com",
    "group:g@example.com",
    "workgroup:data",
    "domain:example.com",
    "projectOwners",
    "projectReaders",
    "allUsers",
    "principal://iam.googleapis.com/locations/global/workforcePools/p/subject/s",
    "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/subject/s",
    f"serviceAccount:{WRITER}",
]
ROLES = st.sampled_from(["roles/bigquery.dataViewer", "roles/bigquery.dataEditor", "roles/bigquery.metadataViewer"])
TIMES = st.one_of(
    st.just({}),
    st.builds(
        lambda days, ticket: {"until": (TODAY + timedelta(days)).isoformat(), **ticket},
        st.integers(-2, 20),
        st.sampled_from([{}, {"ticket": "DATA-1"}]),
    ),
    st.just({"condition": {"title": "early", "expression": "request.time.getHours() < 9"}}),
    st.just({"ticket": "DATA-1"}),
)


def grants(members: list[str], times: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.builds(
        lambda role, who, time: {"role": role, "members": who, **time},
        ROLES,
        st.lists(st.sampled_from(members), min_size=1, max_size=3, unique=True),
        times,
    )
    return st.lists(one, max_size=3)


ENVIRONMENTS = st.fixed_dictionaries(
    {
        "automation": grants([*ROBOTS, *STANDING, "user:a@example.com"], st.just({})),
        "default_access": grants([*ROBOTS, *STANDING, "user:a@example.com", "projectReaders"], st.just({})),
        "policy": st.fixed_dictionaries(
            {
                "people": st.fixed_dictionaries(
                    {
                        "need": st.sampled_from([[], ["ticket"], ["until"], ["ticket", "until"]]),
                        "longest": st.just("14d"),
                        "standing": st.just([STANDING[0], "user:s@example.com"]),
                    }
                ),
                "public_access": st.sampled_from(["allowed", "forbidden"]),
            }
        ),
    }
)
DATASETS = st.fixed_dictionaries(
    {"sensitive": st.booleans(), "access": grants([*ROBOTS, *STANDING, *OTHERS], TIMES)},
    optional={"written_by": st.just("fivetran")},
)


def connector(destination: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"connector": {"service": "acme", "destination": destination}, **more}


@st.composite
def units(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """A connector with its dataset, one that writes to another file's, a database, and a dataset alone."""
    formerly = {"schema": {"from": "old", "to": "own"}, "ticket": "DATA-9"} if draw(st.booleans()) else None
    own = connector({"schema": "own"}, dataset=draw(DATASETS))
    if formerly is not None:
        own["connector"]["allow_resync"] = formerly
    return {
        "own": own,
        "table": connector({"schema": "shared", "table": "t"}, dataset="shared"),
        "shared": {"dataset": draw(DATASETS)},
        "db": connector({"schema_prefix": "db"}, datasets={"a": draw(DATASETS), "b": draw(DATASETS)}),
        "alone": {"dataset": draw(DATASETS)},
    }


def loaded(environment: dict[str, Any], declared: dict[str, dict[str, Any]]) -> Fleet:
    """The fleet as of today, without the grants that `validate` finds fault with."""
    files: dict[str, Any] = {
        name: {"description": "d", "owners": ["o@example.com"], **unit} for name, unit in declared.items()
    }
    files["environment"] = {
        "gcp_project": "example-prod",
        "fivetran": {
            "group": "P",
            "destination": {"location": "US", "region": "GCP_US_EAST4", "time_zone_offset": "0"},
        },
        "workgroups": PATTERN,
        **environment,
    }
    with tempfile.TemporaryDirectory() as folder:
        specs = Path(folder)
        (specs / "prod").mkdir()
        while True:
            for name, content in files.items():
                text = yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False)  # six times as fast as Python's
                (specs / "prod" / f"{name}.yaml").write_text(text, encoding="utf-8")
            read = load(specs, specs, TODAY)
            if not read.problems:
                return apply_expiry(read.fleet("prod"), TODAY).fleet
            for file in {problem.file for problem in read.problems}:
                take_out(files[Path(file).stem], specs / file, [p.line for p in read.problems if p.file == file])


def take_out(content: Any, file: Path, lines: list[int]) -> None:
    """Take out the grants that stand on these lines of a file."""
    document, _ = parse(file.read_bytes(), environment="prod", name=file.stem, file=file.name)
    assert document is not None
    begins = {
        line: path
        for path, (line, _) in document.values.items()
        if len(path) > 1 and path[-2] in ("access", "automation", "default_access")
    }
    faulty = {max((line for line in begins if line <= found), default=0) for found in lines}
    for line in sorted(faulty, reverse=True):
        *steps, index = begins[line]
        node = content
        for step in steps:
            node = node[step]
        del node[index]


def entries(fleet: Fleet, dataset: Dataset) -> tuple[AccessEntry, ...]:
    """The access list that the program writes."""
    return written_list(fleet.environment, dataset, WRITER if fleet.is_written(dataset) else None)


@given(ENVIRONMENTS, units())
def test_access_list_of_every_dataset(environment, declared):
    fleet = loaded(environment, declared)
    policy = fleet.environment.policy
    standing = {to_place(member, PATTERN) for member in policy.people.standing}
    automation = inherited_entries(fleet.environment, default=False)
    default = set(inherited_entries(fleet.environment, default=True)) - set(automation)
    for unit in fleet.units:
        for dataset in unit.all_datasets:
            found = entries(fleet, dataset)
            named = {to_place(member, PATTERN) for grant in dataset.access for member in grant.members}
            # Fivetran's writer exactly where a connector writes, or the file says so; automation always.
            written = dataset.id in ("own", "shared", "db_a", "db_b") or dataset.written_by == "fivetran"
            assert fleet.is_written(dataset) == written
            assert not (written and dataset in unit.former_datasets)
            assert (WRITES in found) == (
                written or to_place(f"serviceAccount:{WRITER}", None) in named & at(found, "WRITER")
            )
            assert set(automation) <= set(found)
            if dataset.sensitive:
                assert not any(entry in found and entry.at not in named for entry in default)
                assert not any(is_project_role(entry.at) or is_public(entry.at) for entry in found)
            else:
                assert default <= set(found)
            for entry in found:
                day = parse_until(entry.condition)
                # Nothing that has ended, and no member without what the environment requires.
                assert day is None or day >= TODAY
                if is_person(entry.at) and entry.at not in standing:
                    if "until" in policy.people.need:
                        assert day is not None
                        assert day <= TODAY + timedelta(14)
                    if policy.people.need == {"ticket", "until"}:
                        assert entry.condition is not None
                        assert entry.condition.description == "DATA-1"
                assert policy.public_access == "allowed" or not is_public(entry.at)
            # A normal form: read back from BigQuery it is the same, and nothing is there twice.
            assert tuple(parse_entry(entry.as_property()) for entry in found) == found == drop_void_entries(found)
            assert len({(entry.role, entry.at, entry.condition) for entry in found}) == len(found)


def at(found: tuple[AccessEntry, ...], role: str) -> set[Any]:
    return {entry.at for entry in found if entry.role == role and entry.condition is None}
