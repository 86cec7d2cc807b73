"""One module for each entity: its items, and how they are read and written."""
