"""DynamoDB tables for tests, wherever they are."""

from __future__ import annotations

import uuid
from typing import Any

import boto3

from imchat.storage import keys
from imchat.storage.dynamo import DynamoTable


def client_at(url: str | None) -> Any:
    """A DynamoDB client with credentials that open nothing."""
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def new_dynamo_table(client: Any) -> DynamoTable:
    """A fresh table with the key schema of ours."""
    name = f"imchat-{uuid.uuid4()}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": keys.PARTITION_KEY, "KeyType": "HASH"},
            {"AttributeName": keys.SORT_KEY, "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": key, "AttributeType": "S"} for key in (keys.PARTITION_KEY, keys.SORT_KEY)
        ],
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    return DynamoTable(client, name)
