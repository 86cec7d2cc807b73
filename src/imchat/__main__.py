"""Runs the `imchat` command as `python -m imchat`."""

from imchat.cli import main

main()
