"""Runtime settings of the functions, from the environment: one frozen dataclass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from imchat.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is read from `IMCHAT_<NAME>`. `callback_url` is where connections are posted to:
    `https://{api}.execute-api.{region}.{suffix}/{stage}`; `fanout_queue_url` is where pushes to many wait."""

    table_name: str
    callback_url: str
    fanout_queue_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Raises: ConfigError naming the variable that is missing."""
        values: dict[str, str] = {}
        for field in fields(cls):
            name = f"IMCHAT_{field.name.upper()}"
            if not environment.get(name):
                raise ConfigError(f"the environment variable {name} is not set", field=name)
            values[field.name] = environment[name]
        return cls(**values)
