"""The table on DynamoDB."""
