"""Check documents across fields and files: one function a rule.

A rule reads all documents and yields problems; it assumes nothing about their shape. To add one, write the function
in the module of its subject and name it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reconciler.config.rules import (
    access,
    connectors,
    datasets,
    environments,
    fields,
    fivetran_access,
    labels,
    lifecycle,
    ownership,
    people,
    project_access,
    secrets,
    services,
    stacks,
    tables,
    trust,
    values,
)
from reconciler.config.specs import Specs
from reconciler.model.errors import Problem

RULES: tuple[Callable[[Specs], Iterator[Problem]], ...] = (
    environments.check_shared_groups,
    environments.check_former_groups,
    connectors.check_destinations_unique,
    connectors.check_config_without_destination,
    connectors.check_task_id_keywords,
    connectors.check_task_ids_unique,
    connectors.check_adopted_connections_unique,
    connectors.check_functions,
    connectors.check_packages,
    trust.check_trust_readable,
    trust.check_trust_unique,
    trust.check_trust_any,
    datasets.check_datasets_unique,
    datasets.check_dataset_ids,
    datasets.check_dataset_units,
    stacks.check_dataset_stacks,
    stacks.check_function_stacks,
    datasets.check_dataset_locations,
    datasets.check_dataset_id_keys,
    datasets.check_required_labels,
    labels.check_label_forms,
    labels.check_label_count,
    access.check_grants_unique,
    access.check_until_conditions,
    access.check_public_access,
    access.check_public_conditions,
    access.check_sensitive_members,
    access.check_role_spelling,
    access.check_dataset_roles,
    access.check_workgroups,
    people.check_people_grants,
    people.check_people_in_environment_grants,
    fivetran_access.check_fivetran_members_unique,
    fivetran_access.check_fivetran_roles,
    fivetran_access.check_fivetran_access_owner,
    fivetran_access.check_fivetran_access_declared,
    fivetran_access.check_fivetran_people,
    project_access.check_project_roles_on_sensitive_data,
    project_access.check_project_role_spelling,
    project_access.check_basic_role_conditions,
    project_access.check_project_members,
    project_access.check_project_grants_unique,
    services.check_destination_forms,
    fields.check_config_and_auth,
    values.check_unquoted_values,
    secrets.check_references,
    secrets.check_credentials,
    secrets.check_secret_versions,
    secrets.check_pulumi_config,
    tables.check_included_tables,
    tables.check_undeclared_datasets,
    ownership.check_former_names,
    values.check_dates,
    lifecycle.check_expiry,
    lifecycle.check_dataset_expiry,
    lifecycle.check_retire_and_expires,
    lifecycle.check_retired_data,
    lifecycle.check_retired_datasets,
    lifecycle.check_resyncs,
    lifecycle.check_expiry_label,
)

#: What is not a fault, and good to know.
NOTICES: tuple[Callable[[Specs], Iterator[Problem]], ...] = (
    services.warn_unknown_services,
    lifecycle.warn_expiry,
    people.warn_access_expiry,
    lifecycle.warn_resyncs,
    datasets.warn_table_expiration,
    values.warn_placeholders,
    trust.warn_invalid_certificates,
)


def problems(specs: Specs) -> Iterator[Problem]:
    """Yield every problem that a rule finds."""
    for rule in RULES:
        yield from rule(specs)


def notices(specs: Specs) -> Iterator[Problem]:
    """Yield every notice."""
    for rule in NOTICES:
        yield from rule(specs)
