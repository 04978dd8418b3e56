"""One version of each tool, said once and held everywhere."""

from __future__ import annotations

import json
import re

import yaml

from scripts.toolchain import ROOT, SOLC_VERSION

CONFIG = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())


def test_solc_version_when_compared_with_brownie_config_is_the_same() -> None:
    assert CONFIG["compiler"]["solc"]["version"] == SOLC_VERSION


def test_solc_version_when_compared_with_package_json_is_the_same() -> None:
    assert json.loads((ROOT / "package.json").read_text())["dependencies"]["solc"] == SOLC_VERSION


def test_pragma_of_every_contract_names_exactly_that_version() -> None:
    pragmas = {
        path.name: re.findall(r"pragma solidity ([^;]+);", path.read_text()) for path in ROOT.glob("contracts/**/*.sol")
    }
    assert pragmas
    assert {name: found for name, found in pragmas.items() if found != [SOLC_VERSION]} == {}


def test_package_lock_when_read_names_no_registry() -> None:
    assert "resolved" not in (ROOT / "package-lock.json").read_text()


def test_requirements_lock_when_read_names_no_registry_and_hashes_everything() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if "==" in line]
    assert pins
    assert not [line for line in lines if "://" in line]
    assert all(pin.rstrip().endswith("\\") for pin in pins), "a pin is followed by its hashes"
