"""The one-machine runtime: the same handlers in one server process, with SQLite and its own sign-in."""
