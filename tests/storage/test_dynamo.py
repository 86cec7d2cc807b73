"""DynamoDB in addition to the contract: its errors, unprocessed keys and pages."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError, ReadTimeoutError

from imchat.errors import Busy, ConfigError, TooLarge
from imchat.storage.dynamodb.table import DynamoTable
from imchat.storage.table import Absent, Check, ConditionFailed, Key, KeyRange, Put, Update

A, B = Key("P", "a"), Key("P", "b")
WIRE_A = {"pk": {"S": "P"}, "sk": {"S": "a"}, "n": {"N": "1"}}


class ScriptedClient:
    """A fake client that returns scripted responses and records the requests."""

    def __init__(self, *responses: dict[str, Any] | Exception) -> None:
        self.responses = list(responses)
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> dict[str, Any]:
            self.requests.append((operation, request))
            response = self.responses.pop(0)
            if isinstance(response, Exception):
                raise response
            return response

        return call


def table_on(client: Any, sleeps: list[float] | None = None) -> DynamoTable:
    return DynamoTable(client, "t", sleep=(sleeps if sleeps is not None else []).append, jitter=lambda: 0.5)


def client_error(code: str, message: str = "", status: int = 400, **more: Any) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError({**response, **more}, "Any")


def cancelled(*reasons: dict[str, Any]) -> ClientError:
    return client_error("TransactionCanceledException", CancellationReasons=list(reasons))


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException"),
        client_error("ProvisionedThroughputExceededException"),
        client_error("RequestLimitExceeded"),
        client_error("TransactionInProgressException"),
        client_error("InternalServerError", status=500),
        client_error("SomethingNew", status=503),
        EndpointConnectionError(endpoint_url="http://x"),
        ReadTimeoutError(endpoint_url="http://x"),
    ],
    ids=str,
)
def test_a_transient_error_raises_busy(error: Exception) -> None:
    with pytest.raises(Busy) as busy:
        table_on(ScriptedClient(error)).write(Put(A, {}))
    assert busy.value.retryable


@pytest.mark.parametrize(
    "error",
    [client_error("AccessDeniedException"), client_error("ResourceNotFoundException"), NoCredentialsError()],
)
def test_a_missing_table_or_permission_raises_a_configuration_error(error: Exception) -> None:
    with pytest.raises(ConfigError, match="the table t cannot be used"):
        table_on(ScriptedClient(error)).get(A)


def test_an_item_that_dynamodb_finds_too_large_raises_too_large() -> None:
    message = "Item size to update has exceeded the maximum allowed size"
    single = ScriptedClient(client_error("ValidationException", message))
    transaction = ScriptedClient(cancelled({"Code": "None"}, {"Code": "ValidationError", "Message": message}))

    with pytest.raises(TooLarge):
        table_on(single).write(Update(A, set={"n": 1}))
    with pytest.raises(TooLarge):
        table_on(transaction).write(Put(B, {}), Update(A, set={"n": 1}))


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_the_first_reason_of_a_cancelled_transaction_decides_the_error(code: str) -> None:
    failed = {"Code": "ConditionalCheckFailed", "Item": WIRE_A}

    with pytest.raises(Busy):
        table_on(ScriptedClient(cancelled({"Code": code}, failed))).write(Put(B, {}), Put(A, {}, Absent()))
    with pytest.raises(ConditionFailed) as failure:
        table_on(ScriptedClient(cancelled(failed, {"Code": code}))).write(Put(A, {}, Absent()), Put(B, {}))
    assert (failure.value.index, failure.value.item) == (0, {"n": 1})


def test_a_write_that_conflicts_with_another_is_retried() -> None:
    single = ScriptedClient(client_error("TransactionConflictException"), {})
    transaction = ScriptedClient(*[cancelled({"Code": "None"}, {"Code": "TransactionConflict"})] * 2, {})
    sleeps: list[float] = []

    table_on(single).write(Put(A, {}))
    table_on(transaction, sleeps).write(Put(A, {}), Put(B, {}))
    assert (len(single.requests), len(transaction.requests)) == (2, 3)
    assert sleeps == [0.0125, 0.025]


def test_a_write_that_keeps_conflicting_raises_busy() -> None:
    sleeps: list[float] = []

    with pytest.raises(Busy):
        table_on(ScriptedClient(*[client_error("TransactionConflictException")] * 20), sleeps).write(
            Put(A, {})
        )
    assert len(sleeps) == 8


def test_unprocessed_keys_are_requested_again_after_a_delay() -> None:
    key_b = {"pk": {"S": "P"}, "sk": {"S": "b"}}
    client = ScriptedClient(
        {"Responses": {"t": [WIRE_A]}, "UnprocessedKeys": {"t": {"Keys": [key_b]}}},
        {"Responses": {}, "UnprocessedKeys": {"t": {"Keys": [key_b]}}},
        {"Responses": {"t": [{**key_b, "n": {"N": "2"}}]}},
    )
    sleeps: list[float] = []

    assert table_on(client, sleeps).get_many([A, B]) == {A: {"n": 1}, B: {"n": 2}}
    assert [request["RequestItems"]["t"]["Keys"] for _, request in client.requests[1:]] == [[key_b], [key_b]]
    assert all(request["RequestItems"]["t"]["ConsistentRead"] for _, request in client.requests)
    assert sleeps == [0.0125, 0.025]


def test_keys_that_stay_unprocessed_raise_busy() -> None:
    unprocessed = {"UnprocessedKeys": {"t": {"Keys": [{"pk": {"S": "P"}, "sk": {"S": "a"}}]}}}
    sleeps: list[float] = []

    with pytest.raises(Busy):
        table_on(ScriptedClient(*[unprocessed] * 20), sleeps).get_many([A])
    assert len(sleeps) == 7
    assert max(sleeps) <= 0.4


def test_a_query_reads_pages_only_up_to_the_limit() -> None:
    def page(*sort_keys: str) -> dict[str, Any]:
        items = [{"pk": {"S": "P"}, "sk": {"S": sk}} for sk in sort_keys]
        return {"Items": items, "LastEvaluatedKey": items[-1]}

    client = ScriptedClient(page("a", "b"), page("c"))

    assert [row.sk for row in table_on(client).query(KeyRange("P"), limit=3)] == ["a", "b", "c"]
    assert [request["Limit"] for _, request in client.requests] == [3, 1]


def test_a_page_that_ends_at_the_bound_is_the_last() -> None:
    # DynamoDB rejects a start at the end of the range.
    item = {"pk": {"S": "P"}, "sk": {"S": "b"}}
    client = ScriptedClient({"Items": [item], "LastEvaluatedKey": item})

    assert len(table_on(client).query(KeyRange("P", low="b"), reverse=True)) == 1


def test_a_single_op_sends_a_single_plain_request() -> None:
    client = ScriptedClient({}, {}, {"Item": WIRE_A})
    table = table_on(client)
    table.write(Put(A, {"n": 1}, Absent()))
    table.write(Update(A, add={"n": 1}))
    with pytest.raises(ConditionFailed):
        table.write(Check(A, Absent()))

    assert [operation for operation, _ in client.requests] == ["put_item", "update_item", "get_item"]
    assert client.requests[-1][1]["ConsistentRead"] is True
