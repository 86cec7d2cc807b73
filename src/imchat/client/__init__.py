"""The async Python client, for bots, scripts and tests.

    async with Client.sign_in("https://chat.example.org", "bot@example.org", password) as me:
        async for conversation_id, event in me.events():
            ...

It uses only the protocol of `docs/protocol.md`, so it works with imchat on AWS and on one machine.
"""

from imchat.client.client import Client
from imchat.client.event_feed import EventInConversation

__all__ = ["Client", "EventInConversation"]
