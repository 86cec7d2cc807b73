"""The one-machine runtime: the same handlers behind one server, with SQLite and its own sign-in."""
