"""What a deployer must be allowed, and whether they are."""
