"""Storage: the `Table` protocol, its implementations in DynamoDB and SQLite, and the repositories."""
