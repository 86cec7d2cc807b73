"""Operating imchat on AWS: accounts, and the stacks. Nothing in here prints."""
