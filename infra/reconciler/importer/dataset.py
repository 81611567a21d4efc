"""Turn a live dataset into the part of a file that declares it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.config.yaml.document import Path
from reconciler.google.bigquery.api import LiveDataset
from reconciler.google.bigquery.dataset_settings import MOST_LABELS, is_label_key, is_label_value
from reconciler.importer.access import access_of
from reconciler.importer.draft import FILL_IN, Draft, ImportContext, description, owners
from reconciler.lifecycle import expiry
from reconciler.model import Dataset, Environment, Unit
from reconciler.model.policy import Never

#: The label that the gcp provider adds to datasets that it creates.
_OF_THE_PROVIDER = "goog-pulumi-provisioned"
_MISSING = "fill-in"
_LEAST_EXPIRATION_MS = 3_600_000


@dataclass(frozen=True)
class Part:
    """A dataset for a file, and comments by their path below it."""

    dataset: Dataset
    comments: Mapping[Path, str]


def dataset_part(dataset_id: str, context: ImportContext, unit_description: str, *, is_written: bool) -> Part:
    """Return the declaration of a dataset.

    One that does not exist, or was not read, gets the environment's defaults.

    Args:
        dataset_id: The id in BigQuery.
        context: The environment and its live datasets.
        unit_description: The description of a dataset that has none of its own.
        is_written: Whether a declared connector writes the dataset.
    """
    environment, live = context.environment, context.datasets.get(dataset_id)
    if live is None:
        labels, comments, _ = _labels({}, environment)
        here = Dataset(dataset_id, environment.destination.location, description=unit_description, labels=labels)
        if dataset_id not in context.datasets:
            comments[()] = "BigQuery could not be read: this file lacks the dataset's settings and access."
        return Part(here, comments)
    labels, comments, not_here = _labels(live.labels, environment)
    access = access_of(live.access, context, is_written=is_written)
    comments |= access.comments
    notes = [_listed("Labels in BigQuery that this file lacks:", not_here)] if not_here else []
    if access.lost:
        notes.append(_listed("Access in BigQuery that this file lacks and a run would revoke:", access.lost))
    if notes:
        comments[()] = "\n".join(notes)
    location = live.location
    if is_written and location.casefold() != environment.destination.location.casefold():
        location = environment.destination.location
        comments[()] = "\n".join(
            [
                *notes,
                f"{FILL_IN} BigQuery has it in {live.location}, where the destination of {environment.name} cannot "
                "write.",
            ]
        )
    if live.description is None:
        comments["description",] = "As in BigQuery. Without this line a run writes the description above."
    expiration = live.default_table_expiration_ms
    dataset = Dataset(
        id=dataset_id,
        location=location,
        friendly_name=live.friendly_name,
        description=live.description or "",
        labels=labels,
        sensitive=access.sensitive,
        default_access=access.default_access,
        access=access.grants,
        default_table_expiration_ms=expiration if (expiration or 0) >= _LEAST_EXPIRATION_MS else None,
        written_by="fivetran" if access.is_written else None,
    )
    return Part(dataset, comments)


def _listed(title: str, entries: Iterable[str]) -> str:
    return "\n".join([title, *(f"- {entry}" for entry in entries)])


def _labels(live: Mapping[str, str], environment: Environment) -> tuple[dict[str, str], dict[Path, str], list[str]]:
    """Return labels with the environment's defaults.

    Besides, comments on missing ones, and the labels that the file lacks.
    """
    rest = {key: value for key, value in live.items() if is_label_key(key) and is_label_value(value)}
    not_here = dict.fromkeys(live.keys() - rest.keys(), "no file can declare it")
    if rest.pop(_OF_THE_PROVIDER, None) is not None:
        not_here[_OF_THE_PROVIDER] = "Pulumi's plugin for Google Cloud adds it"
    if rest.pop(expiry.LABEL, None) is not None:
        not_here[expiry.LABEL] = "`expires` writes it"
    labels = {**environment.labels.default, **rest}
    comments: dict[Path, str] = {}
    for key in environment.labels.required:
        if key not in labels:
            labels[key] = _MISSING
            comments["labels", key] = f"{FILL_IN} a label that {environment.name} requires"
    for key in list(rest)[::-1]:
        if len(labels) > MOST_LABELS and key not in environment.labels.default:
            labels.pop(key)
            not_here[key] = f"with the labels of {environment.name}, the dataset would have more than {MOST_LABELS}"
    return labels, comments, [f"{key}={live[key]}: {not_here[key]}" for key in sorted(not_here)]


def draft_expires(environment: Environment) -> tuple[Never | None, dict[Path, str]]:
    """Return an `expires` without a day, to fill in, if the environment requires one."""
    if not environment.policy.expiry.required:
        return None, {}
    never = Never("fill in why this does not expire, or write a date in place of this")
    return never, {("expires",): f"{FILL_IN} the last day, in quotes, or the reason why there is none"}


def draft_dataset(dataset_id: str, context: ImportContext, *, is_written: bool, name: str | None = None) -> Draft:
    """Return a unit that declares a dataset alone.

    Args:
        dataset_id: The id in BigQuery.
        context: The environment and its live datasets.
        is_written: Whether connectors in other files write the dataset.
        name: The name of the unit. Default: the dataset's id.
    """
    name = name or dataset_id
    live = context.datasets.get(dataset_id)
    text, comments = description(live.description if live else None)
    owner, marked = owners(None)  # BigQuery does not return who created a dataset
    part = dataset_part(dataset_id, context, text, is_written=is_written)
    expires, ending = draft_expires(context.environment)
    unit = Unit(
        name=name,
        file=f"{name}.yaml",
        description=text,
        owners=owner,
        datasets=(part.dataset,),
        expires=expires,
    )
    return Draft(unit, {**comments, **marked, **comments_at(part, ("dataset",)), **ending})


def comments_at(part: Part, path: Path) -> dict[Path, str]:
    """Return a dataset's comments by their path in the file."""
    return {(*path, *inner): text for inner, text in part.comments.items()}


def live_description(dataset: LiveDataset | None) -> str | None:
    """Return the description that a dataset has in BigQuery."""
    return None if dataset is None else dataset.description
