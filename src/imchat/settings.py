"""Runtime settings of the AWS Lambda functions, read from environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from imchat.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings; each field is read from the variable `IMCHAT_<NAME>`.

    `callback_url` is the endpoint for posting to connections,
    `https://{api}.execute-api.{region}.{suffix}/{stage}`. `fanout_queue_url` is the queue of pushes to large rooms.
    """

    table_name: str
    callback_url: str
    fanout_queue_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from `environment`. Raises: ConfigError naming the missing variable."""
        values: dict[str, str] = {}
        for field in fields(cls):
            name = f"IMCHAT_{field.name.upper()}"
            if not environment.get(name):
                raise ConfigError(f"the environment variable {name} is not set", field=name)
            values[field.name] = environment[name]
        return cls(**values)
