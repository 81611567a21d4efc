"""The smallest connector of the Connector SDK."""

from fivetran_connector_sdk import Connector, Operations

SCHEMA = [{"table": "greeting", "primary_key": ["text"]}]


def schema(configuration):
    """Return the table."""
    return SCHEMA


def update(configuration, state):
    """Write a row."""
    Operations.upsert(table="greeting", data={"text": "hello"})
    Operations.checkpoint({})


connector = Connector(update=update, schema=schema)
