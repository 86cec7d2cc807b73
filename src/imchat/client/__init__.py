"""The async Python client, for bots, scripts and tests.

    async with Client.sign_in("https://chat.example.org", "bot@example.org", password) as me:
        async for conversation_id, event in me.events():
            ...

It uses only the protocol of `docs/protocol.md`, so it works with imchat on AWS and on one machine. `imchat.client.protocol`
has the types of events and frames.
"""

from imchat.client.accounts import SignUp
from imchat.client.client import Client
from imchat.client.event_feed import EventInConversation
from imchat.client.event_stream import EventStream
from imchat.client.protocol import Event, Frame
from imchat.client.two_step import TwoStepSetup

__all__ = ["Client", "Event", "EventInConversation", "EventStream", "Frame", "SignUp", "TwoStepSetup"]
