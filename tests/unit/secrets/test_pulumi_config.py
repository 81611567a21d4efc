"""The stack's config, as the engine hands it to a dynamic provider."""

from __future__ import annotations

import pytest
from pulumi.dynamic import Config

from reconciler.model import Reference
from reconciler.secrets import PulumiConfigResolver

CONFIG = Config(
    {"fivetran-reconciler:stripe": "canary", "other:key": "x", "fivetran-reconciler:deep": {"a": 1}},
    "fivetran-reconciler",
)


@pytest.fixture(autouse=True)
def _configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PulumiConfigResolver, "_get", None)


def test_key_is_the_projects_unless_it_names_another_namespace():
    PulumiConfigResolver.use(CONFIG.get)
    assert PulumiConfigResolver().resolve(Reference("pulumi_config", "stripe", 2)) == "canary"
    assert PulumiConfigResolver().resolve(Reference("pulumi_config", "other:key")) == "x"


@pytest.mark.parametrize(("key", "what"), [("none", "is not set"), ("deep", "is not text")])
def test_key_without_a_text_is_named_with_the_command_that_sets_it(key: str, what: str):
    PulumiConfigResolver.use(CONFIG.get)
    with pytest.raises(LookupError) as caught:
        PulumiConfigResolver().resolve(Reference("pulumi_config", key))
    assert caught.value.args == (
        f"{key} {what} in the stack's config: `pulumi config set --secret {key}`, with --stack and "
        "the environment's name where another stack is selected",
    )


def test_resolver_reports_a_process_without_a_stack():
    with pytest.raises(LookupError, match="is not available here"):
        PulumiConfigResolver().resolve(Reference("pulumi_config", "stripe"))
