"""DynamoDB tables for tests: on moto or at an endpoint."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from imchat.storage.dynamodb.table import DynamoTable
from imchat.storage.table import Key


def client_at(url: str | None) -> Any:
    """Return a DynamoDB client with fake credentials."""
    return boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


@pytest.fixture(scope="module")
def moto_client() -> Iterator[Any]:
    """Yield a DynamoDB client simulated by moto in this process. Tests create their own tables with it."""
    with mock_aws():
        yield client_at(None)


def new_dynamo_table(client: Any) -> DynamoTable:
    """Create an empty table with imchat's key schema."""
    name = f"imchat-{uuid.uuid4()}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": name, "KeyType": kind}
            for name, kind in zip(Key._fields, ("HASH", "RANGE"), strict=True)
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in Key._fields],
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    return DynamoTable(client, name)
