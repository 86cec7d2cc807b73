"""imchat.toml: an error names the file or the option, the key and what it must be; a written file reads back the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from imchat.deploy import Config, load_config, render_config
from imchat.errors import ConfigError

CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/0a1b"


def write(folder: Path, text: str) -> Path:
    file = folder / "imchat.toml"
    file.write_text(text)
    return file


def test_without_a_file_every_setting_has_its_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config() == Config()
    assert Config().stage == "prod"


def test_imchat_toml_in_the_current_directory_is_read_and_options_override_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, 'stage = "blue"\nmemory_mb = 512\n')
    monkeypatch.chdir(tmp_path)
    config = load_config(overrides={"stage": "green", "region": None})
    assert (config.stage, config.memory_mb, config.region) == ("green", 512, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("memory_mb = 64", "memory_mb must be 256 or more"),
        ("memory_mb = 20000", "memory_mb must be 10240 or less"),
        ('memory_mb = "512"', "memory_mb input should be a valid integer"),
        ('stage = "Prod"', "stage must be 1 to 20 lower-case letters"),
        ('region = "Frankfurt"', "region must be the name of an AWS region, such as eu-central-1"),
        ('architecture = "sparc"', "architecture input should be 'arm64' or 'x86_64'"),
        ('sign_up = "closed"', "sign_up must be open, invitation or domain:example.org"),
        ('sign_up = "domain:localhost"', 'sign_up has "localhost", which is not a domain'),
        ("open_sign_up = false", "open_sign_up is not a setting; did you mean sign_up?"),
        ("log_retention_days = 31", "log_retention_days must be one of 1, 3, 5, 7, 14, 30,"),
        ('domain_name = "chat.example.org"', "certificate_arn must be set together with domain_name"),
        (f'certificate_arn = "{CERTIFICATE}"', "domain_name must be set together with certificate_arn"),
        (
            f'certificate_arn = "{CERTIFICATE.replace("us-east-1", "eu-west-1")}"',
            "certificate_arn must be the ARN of an ACM certificate in us-east-1",
        ),
        ('mail_from = "chat@example.org"', "mail_identity_arn must be set together with mail_from"),
        ('domian_name = "x"', "domian_name is not a setting; did you mean domain_name?"),
        ("[site]\nx = 1", "site is not a setting"),
        ("stage = prod", "is not valid TOML"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file_key_and_limit(
    tmp_path: Path, text: str, message: str
) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        load_config(file)
    assert str(file) in error.value.message
    assert message in error.value.message


def test_sign_up_domains_are_normalized(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, 'sign_up = "domain:Example.ORG, b.example,example.org"'))
    assert config.sign_up == "domain:example.org,b.example"


def test_a_wrong_option_is_named_by_its_option(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--memory-mb must be 256 or more$"):
        load_config(write(tmp_path, ""), overrides={"memory_mb": 1})


@pytest.mark.parametrize("region", ["eusc-de-east-1", "us-isob-east-1", "us-gov-west-1", "ap-southeast-10"])
def test_regions_of_every_partition_are_valid(region: str) -> None:
    assert Config(region=region).region == region


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "imchat.toml"
    file.write_text('stage = "test"\r\nregion = "eu-west-1"\r\n', "utf-8-sig")
    assert load_config(file) == Config(stage="test", region="eu-west-1")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_file_in_another_encoding_is_an_error_of_one_line(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "imchat.toml"
    file.write_text('mail_from = "Zoë <zoe@example.org>"\n', encoding)
    with pytest.raises(ConfigError, match="is not UTF-8 text; save it in the encoding UTF-8"):
        load_config(file)


def test_a_given_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no file .*other\.toml; `imchat init` writes one"):
        load_config(tmp_path / "other.toml")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"stage": "test", "region": "eu-west-1", "sign_up": "invitation", "memory_mb": 512},
        {"sign_up": "domain:example.org,example.com"},
        {"domain_name": "chat.example.org", "certificate_arn": CERTIFICATE},
        {
            "mail_identity_arn": "arn:aws:ses:eu-west-1:123456789012:identity/example.org",
            "mail_from": '"Team" <chat@example.org>',
        },
    ],
)
def test_a_rendered_config_reads_back_the_same(tmp_path: Path, settings: dict[str, Any]) -> None:
    config = Config(**settings)
    file = write(tmp_path, render_config(config))
    assert load_config(file) == config
    assert all(key in file.read_text() for key in Config.model_fields)


def test_every_example_in_a_rendered_config_is_valid(tmp_path: Path) -> None:
    lines = render_config(Config()).splitlines()
    examples = [
        line.removeprefix("# ") for line in lines if line.removeprefix("# ").split(" = ")[0].islower()
    ]
    lines = [line for line in examples if " = " in line]
    assert len(lines) == len(Config.model_fields)
    load_config(write(tmp_path, "\n".join(lines)))
