"""`python -m imchat` is `imchat`."""

from imchat.cli import main

main()
