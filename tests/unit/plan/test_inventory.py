"""What is remembered of a unit."""

from datetime import date
from typing import Any

from reconciler.lifecycle.expiry import apply_expiry
from reconciler.model import Connector, Destination, DestinationSchema, Environment, Fleet, Unit
from reconciler.model.policy import AllowResync, Change
from reconciler.plan.inventory import Declared, declarations

ENVIRONMENT = Environment("dev", "dev/environment.yaml", "dev-project", "Dev", Destination("US", "GCP_US_EAST4", "0"))


def test_inventory_records_immutable_keys_and_no_other_config():
    config: dict[str, Any] = {"frame": {"a": 2}, "list": ["x", {"b": True}], "text": "SIX", "other": "canary"}
    allowed = AllowResync("DENG-1", config={"list": Change(["x"], ["x", {"b": True}]), "frame.a": Change(1, 2)})
    permanent = ("frame.a", "gone", "list", "text", "text.deeper")
    connector = Connector("s", DestinationSchema("a"), config=config, allow_resync=allowed, permanent=permanent)
    fleet = Fleet(ENVIRONMENT, (Unit("a", "dev/a.yaml", "d", (), connector),))
    declared = declarations(apply_expiry(fleet, date(2026, 6, 15)))["a"]
    assert declared.permanent == {"frame.a": "2", "list": '["x", {"b": true}]', "text": "SIX"}
    assert declared.resync == {"config.list": ('["x"]', '["x", {"b": true}]'), "config.frame.a": ("1", "2")}
    assert Declared.of(declared.as_property()) == declared
    assert "canary" not in str(declared.as_property())


def test_setting_that_does_not_change_is_remembered_and_no_other():
    settings = {"destination_schema_names": "SOURCE_NAMING", "proxy_agent_id": "agent"}
    connector = Connector("s", DestinationSchema("a"), settings=settings)
    fleet = Fleet(ENVIRONMENT, (Unit("a", "dev/a.yaml", "d", (), connector),))
    declared = declarations(apply_expiry(fleet, date(2026, 6, 15)))["a"]
    assert declared.fixed == {"destination_schema_names": "SOURCE_NAMING"}
    assert Declared.of(declared.as_property()) == declared
