"""`DynamoTable`: the table in DynamoDB. The only module below the services that handles botocore errors.

A `write` that raises Busy may still have succeeded, because the response can get lost. The next attempt, or the SDK's
own retry of a conditional put, then fails its condition because of the first write. So a caller that writes under a
condition checks `ConditionFailed.item` for its own write (events carry a `client_message_id`).
Transactions carry a token that the SDK reuses for all retries of one call, so they are safe to repeat.
"""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from imchat.errors import Busy, ConfigError, ImchatError, TooLarge
from imchat.storage.conditions import evaluate
from imchat.storage.dynamodb.codec import (
    READ_BATCH,
    deserialize_item,
    query_request,
    serialize_key,
    serialize_op,
)
from imchat.storage.table import (
    MAX_ITEM_BYTES,
    Check,
    ConditionFailed,
    Delete,
    Item,
    Key,
    KeyRange,
    Op,
    Put,
    Row,
    Update,
)
from imchat.storage.validation import check_key, check_ops, check_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ATTEMPTS: Final = 8
_FIRST_DELAY_S: Final = 0.025
_MAX_DELAY_S: Final = 0.8

_RETRYABLE: Final = frozenset(
    {
        "InternalServerError",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionInProgressException",
    }
)
_CONTENDED: Final = frozenset({"TransactionConflict", "TransactionConflictException"})
"""Rejected without effect because another write to the same item was in progress. The same write can be sent again."""
_VALIDATION: Final = frozenset({"ValidationError", "ValidationException"})


class _Contention(Busy):
    """Another write to the same item was in progress; see `_CONTENDED`."""


class DynamoClient(Protocol):
    """The methods that imchat uses of `boto3.client("dynamodb")`."""

    def get_item(self, **request: Any) -> dict[str, Any]: ...
    def batch_get_item(self, **request: Any) -> dict[str, Any]: ...
    def query(self, **request: Any) -> dict[str, Any]: ...
    def put_item(self, **request: Any) -> dict[str, Any]: ...
    def update_item(self, **request: Any) -> dict[str, Any]: ...
    def delete_item(self, **request: Any) -> dict[str, Any]: ...
    def transact_write_items(self, **request: Any) -> dict[str, Any]: ...


class DynamoTable:
    """A `Table` in one DynamoDB table with the string keys `pk` and `sk`, and `expires_at` as its TTL attribute.

    In addition to the errors of `Table` it raises ConfigError if the table, the credentials or a permission is missing.
    """

    def __init__(
        self,
        client: DynamoClient,
        table_name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Use a boto3 client. Between attempts, `sleep` waits for a number of seconds, scaled by `jitter` (0 to 1)."""
        self._client = client
        self.table_name = table_name
        self._sleep = sleep
        self._jitter = jitter

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        """See `Table.get`. Sends one GetItem."""
        check_key(key)
        response = self._send_for_table(
            self._client.get_item, Key=serialize_key(key), ConsistentRead=consistent
        )
        return deserialize_item(response["Item"]) if "Item" in response else None

    def get_many(self, keys: Iterable[Key]) -> dict[Key, Item]:
        """See `Table.get_many`. Sends one BatchGetItem per 100 keys, and more if some keys are left unprocessed."""
        unique_keys = list(dict.fromkeys(keys))
        for key in unique_keys:
            check_key(key)
        found: dict[Key, Item] = {}
        for start in range(0, len(unique_keys), READ_BATCH):
            self._get_batch([serialize_key(key) for key in unique_keys[start : start + READ_BATCH]], found)
        return found

    def query(
        self,
        key_range: KeyRange,
        *,
        limit: int | None = None,
        reverse: bool = False,
        consistent: bool = True,
    ) -> list[Row]:
        """See `Table.query`. Sends one Query per page of 1 MB, and only for the pages it needs."""
        check_query(key_range, limit)
        rows: list[Row] = []
        while condition := query_request(key_range, reverse=reverse):
            if limit is not None:
                condition["Limit"] = limit - len(rows)
            page = self._send_for_table(
                self._client.query, **condition, ConsistentRead=consistent, ScanIndexForward=not reverse
            )
            rows += [Row(found["sk"]["S"], deserialize_item(found)) for found in page["Items"]]
            if "LastEvaluatedKey" not in page or len(rows) == limit:
                break
            key_range = key_range._replace(after=page["LastEvaluatedKey"]["sk"]["S"])
        return rows

    def write(self, *ops: Op) -> None:
        """See `Table.write`. One op is a single write, several are one TransactWriteItems. Retries on contention."""
        check_ops(ops)
        for attempt in range(_ATTEMPTS):
            try:
                self._write(ops)
            except _Contention:
                self._back_off(attempt)
            else:
                return
        raise Busy("the database is busy; try again")

    def _write(self, ops: tuple[Op, ...]) -> None:
        if len(ops) > 1:
            requests = [{_transaction_verb(op): self._request(op)} for op in ops]
            self._send(self._client.transact_write_items, TransactItems=requests)
            return
        op = ops[0]
        if isinstance(op, Put):
            self._send(self._client.put_item, **self._request(op))
        elif isinstance(op, Update):
            self._send(self._client.update_item, **self._request(op))
        elif isinstance(op, Delete):
            self._send(self._client.delete_item, **self._request(op))
        else:  # for one item, a consistent read is enough and costs less than a transaction
            item = self.get(op.key)
            if not evaluate(op.condition, item):
                raise ConditionFailed(0, item)

    def _request(self, op: Op) -> dict[str, Any]:
        return {"TableName": self.table_name, **serialize_op(op)}

    def _get_batch(self, keys: list[dict[str, Any]], found: dict[Key, Item]) -> None:
        rounds_without_progress = 0
        while keys:
            response = self._send(
                self._client.batch_get_item,
                RequestItems={self.table_name: {"Keys": keys, "ConsistentRead": True}},
            )
            rows = response.get("Responses", {}).get(self.table_name, [])
            for row in rows:
                found[Key(row["pk"]["S"], row["sk"]["S"])] = deserialize_item(row)
            keys = response.get("UnprocessedKeys", {}).get(self.table_name, {}).get("Keys", [])
            rounds_without_progress = 0 if rows else rounds_without_progress + 1
            if rounds_without_progress == _ATTEMPTS:
                raise Busy("the database is busy; try again")
            if keys:
                self._back_off(rounds_without_progress)

    def _back_off(self, rounds: int) -> None:
        self._sleep(self._jitter() * min(_MAX_DELAY_S, _FIRST_DELAY_S * 2**rounds))

    def _send_for_table(self, operation: Callable[..., dict[str, Any]], **request: Any) -> dict[str, Any]:
        return self._send(operation, TableName=self.table_name, **request)

    def _send(self, operation: Callable[..., dict[str, Any]], **request: Any) -> dict[str, Any]:
        try:
            return operation(**request)
        except ClientError as error:
            raise self._translate_error(error) from error
        except (HTTPClientError, NoConnectionError) as error:
            raise Busy("the database cannot be reached; try again") from error
        except BotoCoreError as error:
            raise ConfigError(f"the table {self.table_name} cannot be used: {error}") from error

    def _translate_error(self, error: ClientError) -> ImchatError | ValueError:
        response: dict[str, Any] = dict(error.response)
        code = response["Error"].get("Code", "")
        if code == "ConditionalCheckFailedException":
            return ConditionFailed(0, deserialize_item(response["Item"]) if response.get("Item") else None)
        if code == "TransactionCanceledException":
            # Use the first reason, so that `index` is the first op that failed.
            for index, reason in enumerate(response.get("CancellationReasons", [])):
                if reason["Code"] == "ConditionalCheckFailed":
                    return ConditionFailed(
                        index, deserialize_item(reason["Item"]) if reason.get("Item") else None
                    )
                if reason["Code"] != "None":
                    return self._error_for_code(reason["Code"], reason.get("Message", ""))
        if response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400) >= 500:  # noqa: PLR2004 - HTTP server errors
            return Busy("the database is busy; try again")
        return self._error_for_code(code, response["Error"].get("Message", ""))

    def _error_for_code(self, code: str, message: str) -> ImchatError | ValueError:
        if code in _CONTENDED:
            return _Contention("the database is busy; try again")
        if code in _RETRYABLE:
            return Busy("the database is busy; try again")
        if code in _VALIDATION and "size" in message and "exceeded" in message:
            return TooLarge(f"an item may have at most {MAX_ITEM_BYTES} bytes", limit=MAX_ITEM_BYTES)
        if code in _VALIDATION:
            return ValueError(message)
        return ConfigError(f"the table {self.table_name} cannot be used: {message} ({code})")


def _transaction_verb(op: Op) -> str:
    return "ConditionCheck" if isinstance(op, Check) else type(op).__name__
