"""The groups and commands of `imchat`, one module for each group."""
