"""The IAM permissions a deployer needs, and the check whether they are granted."""
