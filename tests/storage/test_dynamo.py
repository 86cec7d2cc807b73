"""What DynamoDB adds to the contract: its errors in our words, its unprocessed keys, its pages."""

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
    """Stands for the service: gives the answers it was given, and keeps the requests."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        def call(**request: Any) -> dict[str, Any]:
            self.requests.append((operation, request))
            reply = self.answers.pop(0)
            if isinstance(reply, Exception):
                raise reply
            return reply

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
def test_what_passes_with_time_is_busy(error: Exception) -> None:
    with pytest.raises(Busy) as busy:
        table_on(ScriptedClient(error)).write(Put(A, {}))
    assert busy.value.retryable


@pytest.mark.parametrize(
    "error",
    [client_error("AccessDeniedException"), client_error("ResourceNotFoundException"), NoCredentialsError()],
)
def test_what_the_operator_must_mend_is_a_configuration_error(error: Exception) -> None:
    with pytest.raises(ConfigError, match="the table t cannot be used"):
        table_on(ScriptedClient(error)).get(A)


def test_an_item_that_only_the_store_finds_too_large_is_too_large() -> None:
    message = "Item size to update has exceeded the maximum allowed size"
    alone = ScriptedClient(client_error("ValidationException", message))
    among = ScriptedClient(cancelled({"Code": "None"}, {"Code": "ValidationError", "Message": message}))

    with pytest.raises(TooLarge):
        table_on(alone).write(Update(A, set={"n": 1}))
    with pytest.raises(TooLarge):
        table_on(among).write(Put(B, {}), Update(A, set={"n": 1}))


@pytest.mark.parametrize("code", ["ThrottlingError", "ProvisionedThroughputExceeded"])
def test_the_first_reason_of_a_cancelled_transaction_decides(code: str) -> None:
    failed = {"Code": "ConditionalCheckFailed", "Item": WIRE_A}

    with pytest.raises(Busy):
        table_on(ScriptedClient(cancelled({"Code": code}, failed))).write(Put(B, {}), Put(A, {}, Absent()))
    with pytest.raises(ConditionFailed) as failure:
        table_on(ScriptedClient(cancelled(failed, {"Code": code}))).write(Put(A, {}, Absent()), Put(B, {}))
    assert (failure.value.index, failure.value.item) == (0, {"n": 1})


def test_a_write_that_collides_with_another_is_tried_again() -> None:
    alone = ScriptedClient(client_error("TransactionConflictException"), {})
    among = ScriptedClient(*[cancelled({"Code": "None"}, {"Code": "TransactionConflict"})] * 2, {})
    sleeps: list[float] = []

    table_on(alone).write(Put(A, {}))
    table_on(among, sleeps).write(Put(A, {}), Put(B, {}))
    assert (len(alone.requests), len(among.requests)) == (2, 3)
    assert sleeps == [0.0125, 0.025]


def test_a_write_that_keeps_colliding_ends_in_busy() -> None:
    sleeps: list[float] = []

    with pytest.raises(Busy):
        table_on(ScriptedClient(*[client_error("TransactionConflictException")] * 20), sleeps).write(
            Put(A, {})
        )
    assert len(sleeps) == 8


def test_unprocessed_keys_are_asked_for_again_after_a_pause() -> None:
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


def test_keys_that_stay_unprocessed_end_in_busy() -> None:
    stuck = {"UnprocessedKeys": {"t": {"Keys": [{"pk": {"S": "P"}, "sk": {"S": "a"}}]}}}
    sleeps: list[float] = []

    with pytest.raises(Busy):
        table_on(ScriptedClient(*[stuck] * 20), sleeps).get_many([A])
    assert len(sleeps) == 7
    assert max(sleeps) <= 0.4


def test_a_query_follows_pages_until_the_limit_and_not_beyond() -> None:
    def page(*sort_keys: str) -> dict[str, Any]:
        items = [{"pk": {"S": "P"}, "sk": {"S": sk}} for sk in sort_keys]
        return {"Items": items, "LastEvaluatedKey": items[-1]}

    client = ScriptedClient(page("a", "b"), page("c"))

    assert [row.sk for row in table_on(client).query(KeyRange("P"), limit=3)] == ["a", "b", "c"]
    assert [request["Limit"] for _, request in client.requests] == [3, 1]


def test_a_page_that_ends_at_the_last_bound_is_the_last() -> None:
    # DynamoDB refuses to start at the end of the range.
    item = {"pk": {"S": "P"}, "sk": {"S": "b"}}
    client = ScriptedClient({"Items": [item], "LastEvaluatedKey": item})

    assert len(table_on(client).query(KeyRange("P", low="b"), reverse=True)) == 1


def test_one_op_costs_one_plain_request() -> None:
    client = ScriptedClient({}, {}, {"Item": WIRE_A})
    table = table_on(client)
    table.write(Put(A, {"n": 1}, Absent()))
    table.write(Update(A, add={"n": 1}))
    with pytest.raises(ConditionFailed):
        table.write(Check(A, Absent()))

    assert [operation for operation, _ in client.requests] == ["put_item", "update_item", "get_item"]
    assert client.requests[-1][1]["ConsistentRead"] is True
