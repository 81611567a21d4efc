"""Whether the engine was asked to register a resource."""

from __future__ import annotations

#: The attribute of a resource that is done when the engine is asked to register it.
SENT = "_sent_to_the_engine"


async def wait_until_sent(resource: object) -> None:
    """Wait until the engine is asked to register a resource.

    It then works while this process makes the others. The SDK as it is asks when this process waits for something else.
    """
    sent = vars(resource).get(SENT)
    if sent is not None:
        await sent
