"""The image and the compose file promise least privilege and no open door; read without Docker."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]

# The keys of the Compose specification that we use; a misspelt one would be ignored by some engines.
SERVICE_KEYS = {
    "build", "cap_drop", "command", "deploy", "environment", "healthcheck", "image", "init", "ports",
    "profiles", "read_only", "restart", "security_opt", "stop_grace_period", "tmpfs", "user", "volumes",
}  # fmt: skip


def test_the_application_alone_starts_without_a_profile():
    assert [name for name, service in SERVICES.items() if "profiles" not in service] == ["app"]
    assert SERVICES["postgres"]["profiles"] == ["postgres"]
    assert SERVICES["chroma"]["profiles"] == ["chroma"]
    assert SERVICES["gpu"]["profiles"] == ["gpu"]


def test_the_file_uses_known_keys_only():
    assert {key for key in COMPOSE if not key.startswith("x-")} == {"name", "services", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) <= SERVICE_KEYS, name


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_without_privileges_and_tells_its_health(name):
    service = SERVICES[name]
    user, group = service["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_is_open_on_this_machine_only(name):
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_the_stores_have_no_door_outside_the_services_own_network():
    assert all("ports" not in SERVICES[name] for name in ("chroma", "postgres"))


def test_the_chroma_server_is_the_one_that_the_application_was_built_with():
    assert SERVICES["chroma"]["image"] == SERVICES["app"]["image"]
    assert "build" not in SERVICES["chroma"]
    program, verb, *options = SERVICES["chroma"]["command"]
    assert (program, verb) == ("chroma", "run")
    [place] = [volume.split(":")[1] for volume in SERVICES["chroma"]["volumes"]]
    assert options[options.index("--path") + 1] == place


@pytest.mark.parametrize("name", SERVICES)
def test_data_lies_in_named_volumes(name):
    sources = [volume.split(":")[0] for volume in SERVICES[name]["volumes"]]
    assert sources
    assert set(sources) <= set(COMPOSE["volumes"])


def test_no_secret_stands_in_the_file():
    for service in SERVICES.values():
        for key, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|TOKEN|KEY|URL", key):
                assert value is None or re.fullmatch(r"\$\{\w+:[-?][^}]*\}", value), key


def test_the_gpu_is_reserved_as_compose_wants_it():
    [device] = SERVICES["gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert device == {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}


def test_every_image_has_a_version_and_a_short_name():
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for image in images:
        name, _, tag = image.partition(":")
        assert re.match(r"\d", tag), image
        assert "/" not in name


def test_the_image_runs_as_nobody_in_particular_and_checks_its_health():
    final_stage = DOCKERFILE.rsplit("\nFROM ", 1)[1]
    users = re.findall(r"^USER (\S+)", final_stage, re.MULTILINE)
    assert users[-1] == SERVICES["app"]["user"] == "10001:10001"
    assert re.search(r"^HEALTHCHECK ", final_stage, re.MULTILINE)
    assert 'CMD ["muniment", "serve"]' in final_stage


def test_the_builder_is_sent_only_what_the_image_needs():
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert "*" in lines
    assert {name for line in copied for name in line.split()} == {
        line[1:] for line in lines if line[0] == "!"
    }


def test_the_environment_names_settings_that_exist():
    from app.settings import Settings

    known = {f"MUNIMENT_{name.upper()}" for name in Settings.model_fields}
    named = {
        key for service in SERVICES.values() for key in service["environment"] if key.startswith("MUNIMENT_")
    }
    assert named | set(re.findall(r"MUNIMENT_\w+", DOCKERFILE)) <= known
