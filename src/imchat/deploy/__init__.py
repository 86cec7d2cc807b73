"""Operating imchat on AWS: the stacks, and accounts. Nothing in here prints.

    from imchat.deploy import connect, deploy, load_config

    target = connect(load_config(overrides={"stage": "test"}))
    print(deploy(target, progress=print).url)

What `progress` is called with are the frozen classes of `imchat.deploy.progress`.
Every function raises ImchatError: ConfigError for a setting, DeployError for what AWS says; both tell the next step.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from imchat.deploy.config import Config, check_config, load_config, render_config
    from imchat.deploy.cost import Estimate, Usage, estimate
    from imchat.deploy.doctor import Finding, examine
    from imchat.deploy.execute import Deployment, deploy
    from imchat.deploy.logs import LogLine, follow_logs, log_groups, read_logs
    from imchat.deploy.place import Place, place_of
    from imchat.deploy.plan import ParameterChange, Plan, ResourceChange, StackPlan
    from imchat.deploy.planner import make_plan
    from imchat.deploy.policy import Policy, boundary_policy, deployer_policies
    from imchat.deploy.progress import Event, Progress
    from imchat.deploy.release import Release, read_release
    from imchat.deploy.status import StackStatus, Status, read_status
    from imchat.deploy.target import Target, connect
    from imchat.deploy.teardown import TornDown, tear_down
    from imchat.deploy.users import User, Users, connect_aws

__all__ = [
    "Config",
    "Deployment",
    "Estimate",
    "Event",
    "Finding",
    "LogLine",
    "ParameterChange",
    "Place",
    "Plan",
    "Policy",
    "Progress",
    "Release",
    "ResourceChange",
    "StackPlan",
    "StackStatus",
    "Status",
    "Target",
    "TornDown",
    "Usage",
    "User",
    "Users",
    "boundary_policy",
    "check_config",
    "connect",
    "connect_aws",
    "deploy",
    "deployer_policies",
    "estimate",
    "examine",
    "follow_logs",
    "load_config",
    "log_groups",
    "make_plan",
    "place_of",
    "read_logs",
    "read_release",
    "read_status",
    "render_config",
    "tear_down",
]

_HOMES: Final = {
    "Config": "config",
    "Deployment": "execute",
    "Estimate": "cost",
    "Event": "progress",
    "Finding": "doctor",
    "LogLine": "logs",
    "ParameterChange": "plan",
    "Place": "place",
    "Plan": "plan",
    "Policy": "policy",
    "Progress": "progress",
    "Release": "release",
    "ResourceChange": "plan",
    "StackPlan": "plan",
    "StackStatus": "status",
    "Status": "status",
    "Target": "target",
    "TornDown": "teardown",
    "Usage": "cost",
    "User": "users",
    "Users": "users",
    "boundary_policy": "policy",
    "check_config": "config",
    "connect": "target",
    "connect_aws": "users",
    "deploy": "execute",
    "deployer_policies": "policy",
    "estimate": "cost",
    "examine": "doctor",
    "follow_logs": "logs",
    "load_config": "config",
    "log_groups": "logs",
    "make_plan": "planner",
    "place_of": "place",
    "read_logs": "logs",
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
