"""The terminal output of all commands, laid out with rich."""
