"""The async Python client, for bots, scripts and tests.

    async with Client.sign_in("https://chat.example.org", "bot@example.org", password) as me:
        async for heard in me.events():
            ...

It speaks the protocol of `docs/protocol.md` and nothing else, so it works with imchat on AWS and on one machine.
"""

from imchat.client.client import Client
from imchat.client.event_feed import Heard

__all__ = ["Client", "Heard"]
