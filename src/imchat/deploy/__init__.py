"""Operating imchat on AWS: the stacks, and accounts. Nothing in here prints.

    from imchat.deploy import connect, deploy, load_config

    target = connect(load_config(overrides={"stage": "test"}))
    print(deploy(target, progress=print).url)

Every function raises ImchatError: ConfigError for a setting, DeployError for what AWS says; both tell the next step.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from imchat.deploy.config import Config, load_config, render_config
    from imchat.deploy.execute import Deployment, deploy
    from imchat.deploy.plan import ParameterChange, Plan, ResourceChange, StackPlan
    from imchat.deploy.planner import make_plan
    from imchat.deploy.progress import Event, Progress
    from imchat.deploy.release import Release, read_release
    from imchat.deploy.status import StackStatus, Status, read_status
    from imchat.deploy.target import Target, connect
    from imchat.deploy.teardown import TornDown, tear_down

__all__ = [
    "Config",
    "Deployment",
    "Event",
    "ParameterChange",
    "Plan",
    "Progress",
    "Release",
    "ResourceChange",
    "StackPlan",
    "StackStatus",
    "Status",
    "Target",
    "TornDown",
    "connect",
    "deploy",
    "load_config",
    "make_plan",
    "read_release",
    "read_status",
    "render_config",
    "tear_down",
]

_HOMES: Final = {
    "Config": "config",
    "Deployment": "execute",
    "Event": "progress",
    "ParameterChange": "plan",
    "Plan": "plan",
    "Progress": "progress",
    "Release": "release",
    "ResourceChange": "plan",
    "StackPlan": "plan",
    "StackStatus": "status",
    "Status": "status",
    "Target": "target",
    "TornDown": "teardown",
    "connect": "target",
    "deploy": "execute",
    "load_config": "config",
    "make_plan": "planner",
    "read_release": "release",
    "read_status": "status",
    "render_config": "config",
    "tear_down": "teardown",
}
"""The modules of this package where the names above live; each is loaded when it is first used."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"imchat.deploy.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'imchat.deploy' has no attribute {name!r}")
