"""One module per entity: its items, and how they are read and written."""
