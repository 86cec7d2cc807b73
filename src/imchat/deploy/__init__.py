"""Deploys and operates imchat on AWS. Prints nothing.

    from imchat.deploy import connect, deploy, load_config

    context = connect(load_config(overrides={"stage": "test"}))
    print(deploy(context, progress=print).url)

`progress` is called with the event classes of `imchat.deploy.progress`.
Functions raise ImchatErrors whose messages end with the next step: ConfigError for a setting or credentials, DeployError
for a deployment that stopped.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from imchat.deploy.config import Config, check_config, load_config, render_config
    from imchat.deploy.context import AwsSession, DeployContext, connect
    from imchat.deploy.execute import Deployment, deploy, execute_plan
    from imchat.deploy.iam.arns import DeploymentScope, deployment_scope
    from imchat.deploy.iam.policy import Policy, boundary_policy, deployer_policies
    from imchat.deploy.operate.cost import Estimate, Usage, estimate
    from imchat.deploy.operate.doctor import Finding, run_checks
    from imchat.deploy.operate.logs import LogLine, follow_logs, log_groups, read_logs
    from imchat.deploy.operate.status import StackStatus, Status, read_status
    from imchat.deploy.operate.users import User, Users, connect_aws
    from imchat.deploy.packaging.release import Release, read_release
    from imchat.deploy.plan import ParameterChange, Plan, ResourceChange, StackPlan
    from imchat.deploy.planner import make_plan
    from imchat.deploy.progress import Event, Progress
    from imchat.deploy.teardown import TornDown, tear_down

__all__ = [
    "AwsSession",
    "Config",
    "DeployContext",
    "Deployment",
    "DeploymentScope",
    "Estimate",
    "Event",
    "Finding",
    "LogLine",
    "ParameterChange",
    "Plan",
    "Policy",
    "Progress",
    "Release",
    "ResourceChange",
    "StackPlan",
    "StackStatus",
    "Status",
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
    "deployment_scope",
    "estimate",
    "execute_plan",
    "follow_logs",
    "load_config",
    "log_groups",
    "make_plan",
    "read_logs",
    "read_release",
    "read_status",
    "render_config",
    "run_checks",
    "tear_down",
]

_MODULES: Final = {
    "AwsSession": "context",
    "Config": "config",
    "DeployContext": "context",
    "Deployment": "execute",
    "DeploymentScope": "iam.arns",
    "Estimate": "operate.cost",
    "Event": "progress",
    "Finding": "operate.doctor",
    "LogLine": "operate.logs",
    "ParameterChange": "plan",
    "Plan": "plan",
    "Policy": "iam.policy",
    "Progress": "progress",
    "Release": "packaging.release",
    "ResourceChange": "plan",
    "StackPlan": "plan",
    "StackStatus": "operate.status",
    "Status": "operate.status",
    "TornDown": "teardown",
    "Usage": "operate.cost",
    "User": "operate.users",
    "Users": "operate.users",
    "boundary_policy": "iam.policy",
    "check_config": "config",
    "connect": "context",
    "connect_aws": "operate.users",
    "deploy": "execute",
    "deployer_policies": "iam.policy",
    "deployment_scope": "iam.arns",
    "estimate": "operate.cost",
    "execute_plan": "execute",
    "follow_logs": "operate.logs",
    "load_config": "config",
    "log_groups": "operate.logs",
    "make_plan": "planner",
    "read_logs": "operate.logs",
    "read_release": "packaging.release",
    "read_status": "operate.status",
    "render_config": "config",
    "run_checks": "operate.doctor",
    "tear_down": "teardown",
}
"""The module of each public name; it is imported when the name is first used."""


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"imchat.deploy.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'imchat.deploy' has no attribute {name!r}")
