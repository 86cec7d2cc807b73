"""Run the code of a CloudFront function, with Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import lru_cache

_CALL = """
const answers = JSON.parse(process.argv[1]).map(uri => {
    const answer = handler({request: {method: 'GET', uri, headers: {}}})
    return answer.statusCode ? `${answer.statusCode} ${answer.headers.location.value}` : answer.uri
})
console.log(JSON.stringify(answers))
"""


@lru_cache
def answers(code: str, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Return for each path the path of the file that the function requests, or `302 <location>` for a redirect."""
    node = shutil.which("node")
    assert node, "this test needs Node"
    command = [node, "-e", f"{code}\n{_CALL}", json.dumps(paths)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[str] = json.loads(result.stdout)
    return tuple(found)
