"""What no schema can say: rules across fields and files, one function each.

A rule reads all documents and yields problems; it assumes nothing about their shape. To add one, write the function in
the file of its subject and name it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from reconciler.config.documents import Specs
from reconciler.config.rules import (
    access,
    connectors,
    datasets,
    environments,
    fields,
    labels,
    lifecycle,
    ownership,
    people,
    project,
    secrets,
    services,
    tables,
    trust,
    unquoted,
    values,
)
from reconciler.model.errors import Problem

RULES: tuple[Callable[[Specs], Iterator[Problem]], ...] = (
    environments.environments_of_one_group_agree,
    environments.renamed_groups_are_renamed_everywhere,
    connectors.destinations_are_unique_in_their_group,
    connectors.config_leaves_out_the_destination,
    connectors.task_ids_are_no_keywords,
    connectors.task_ids_are_unique,
    connectors.connections_are_adopted_once,
    connectors.functions_go_with_their_service,
    connectors.packages_can_be_uploaded,
    trust.certificates_and_host_keys_can_be_read,
    trust.what_is_trusted_is_there_once,
    trust.whatever_is_presented_is_trusted_by_policy_only,
    datasets.datasets_are_declared_once,
    datasets.dataset_ids_are_bigquerys,
    datasets.named_datasets_are_declared,
    datasets.connectors_write_where_the_destination_is,
    datasets.ids_are_for_datasets_alone,
    datasets.required_labels_are_there,
    labels.labels_are_bigquerys,
    labels.datasets_have_few_enough_labels,
    access.members_have_a_role_once,
    access.ends_are_said_by_until,
    access.everybody_gets_in_by_policy_only,
    access.everybody_gets_in_for_good,
    access.sensitive_data_is_for_those_who_are_named,
    access.roles_are_spelt_as_bigquery_does,
    access.roles_on_datasets_are_granted_on_datasets,
    access.workgroups_have_a_pattern,
    people.people_get_in_as_the_environment_says,
    people.nobody_gets_in_with_every_dataset,
    project.roles_on_a_project_with_sensitive_data_read_none,
    project.roles_on_a_project_are_spelt_as_iam_does,
    project.basic_roles_have_no_condition,
    project.members_of_project_access_are_iams,
    project.bindings_on_a_project_have_one_place,
    services.destinations_have_their_service_s_form,
    fields.config_and_auth_are_the_service_s,
    unquoted.values_of_no_known_type_are_unambiguous,
    secrets.references_are_well_formed,
    secrets.credentials_are_references,
    secrets.secret_versions_are_pinned,
    tables.what_is_included_syncs_something,
    tables.undeclared_datasets_are_forbidden,
    ownership.former_names_are_free,
    values.dates_are_in_the_calendar,
    lifecycle.expiry_is_as_the_environment_says,
    lifecycle.datasets_go_with_their_last_connector,
    lifecycle.retiring_and_expiring_are_two_ways,
    lifecycle.retired_data_is_deleted_only_where_units_expire,
    lifecycle.retired_datasets_are_not_written,
    lifecycle.resyncs_are_to_what_the_file_declares,
    lifecycle.the_label_of_expiry_is_ours,
)

#: What is no fault, and good to know.
NOTICES: tuple[Callable[[Specs], Iterator[Problem]], ...] = (
    services.services_are_in_the_catalogue,
    lifecycle.ends_that_are_near,
    people.access_that_ends,
    lifecycle.resyncs_that_are_made_once,
    datasets.tables_of_connectors_expire,
    values.what_an_import_could_not_know,
    trust.certificates_that_are_out_of_date,
)


def problems(specs: Specs) -> Iterator[Problem]:
    """Everything the rules find."""
    for rule in RULES:
        yield from rule(specs)


def notices(specs: Specs) -> Iterator[Problem]:
    """Everything worth a notice."""
    for rule in NOTICES:
        yield from rule(specs)
