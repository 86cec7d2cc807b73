"""The table on SQLite, by itself or with group commit."""
