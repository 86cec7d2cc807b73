"""Tables in SQLite, with and without group commit."""
