"""The one-machine runtime: the same handlers behind one aiohttp server, with SQLite and its own sign-in."""
