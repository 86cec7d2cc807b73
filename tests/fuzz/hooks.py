"""Hooks of schemathesis, which runs in an environment of its own: use ids that exist, and record every status.

`IMCHAT_FUZZ_IDS` names a JSON file with known values of path parameters and fields; `IMCHAT_FUZZ_STATUSES` the file to write.
"""

from __future__ import annotations

import atexit
import json
import os
import random
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import schemathesis
from schemathesis.core.parameters import ParameterLocation

_KNOWN_IDS: Final[dict[str, list[Any]]] = json.loads(Path(os.environ["IMCHAT_FUZZ_IDS"]).read_bytes())
_SHARE: Final = 0.7
"""How many of the valid parameters and fields are replaced by known ids: random ones only lead to 404."""
_random: Final = random.Random(1)  # noqa: S311 - repeatable choices, no secrets
_statuses: Final[defaultdict[str, set[int]]] = defaultdict(set)


@schemathesis.hook  # type: ignore[untyped-decorator]  # it is installed in another environment
def before_call(_context: Any, case: Any, _arguments: Any) -> None:
    """Replace valid ids by known ones in most requests."""
    for location, values in (
        (ParameterLocation.PATH, case.path_parameters),
        (ParameterLocation.BODY, case.body),
    ):
        component = case.meta.components.get(location)
        if component is None or component.mode.is_negative or not isinstance(values, dict):
            continue
        for name in sorted(values.keys() & _KNOWN_IDS.keys()):
            if _random.random() < _SHARE:
                values[name] = _random.choice(_KNOWN_IDS[name])


@schemathesis.hook  # type: ignore[untyped-decorator]  # it is installed in another environment
def after_call(_context: Any, case: Any, response: Any) -> None:
    """Record the status of the response."""
    _statuses[f"{case.method} {case.path}"].add(response.status_code)


@atexit.register
def _write_statuses() -> None:
    text = json.dumps({name: sorted(statuses) for name, statuses in _statuses.items()})
    Path(os.environ["IMCHAT_FUZZ_STATUSES"]).write_text(text)
