"""One version of each tool, said once and held everywhere."""

from __future__ import annotations

import json
import re
import tomllib

import yaml

from scripts.standard_json import compiler_settings
from scripts.toolchain import ROOT, SOLC, SOLC_VERSION

CONFIG = yaml.safe_load((ROOT / "brownie-config.yaml").read_text())
FORGE = tomllib.loads((ROOT / "foundry.toml").read_text())["profile"]
SOLIDITY = sorted([*ROOT.glob("contracts/**/*.sol"), *ROOT.glob("tests/forge/**/*.sol")])
DEFINITION = re.compile(r"^(?:abstract )?(?:contract|interface|library) (\w+)", re.MULTILINE)


def test_solc_version_when_compared_with_brownie_config_is_the_same() -> None:
    assert CONFIG["compiler"]["solc"]["version"] == SOLC_VERSION


def test_solc_version_when_compared_with_package_json_is_the_same() -> None:
    assert json.loads((ROOT / "package.json").read_text())["dependencies"]["solc"] == SOLC_VERSION


def test_pragma_of_every_contract_names_exactly_that_version() -> None:
    pragmas = {path.name: re.findall(r"pragma solidity ([^;]+);", path.read_text()) for path in SOLIDITY}
    assert pragmas
    assert {name: found for name, found in pragmas.items() if found != [SOLC_VERSION]} == {}


def test_solidity_file_when_read_defines_one_thing_of_its_own_name() -> None:
    found = {path.name: DEFINITION.findall(path.read_text()) for path in SOLIDITY}
    assert {name: names for name, names in found.items() if names not in ([], [name.removesuffix(".sol")])} == {}


def test_compiler_settings_of_foundry_toml_when_compared_with_brownie_config_are_the_same() -> None:
    forge, brownie = FORGE["default"], compiler_settings()
    assert {
        "evmVersion": forge["evm_version"],
        "optimizer": {"enabled": forge["optimizer"], "runs": forge["optimizer_runs"]},
        "remappings": forge["remappings"],
        "viaIR": forge.get("via_ir", False),
    } == brownie


def test_compiler_of_foundry_toml_when_compared_is_the_one_that_set_up_makes() -> None:
    assert ROOT / FORGE["default"]["solc"] == SOLC


def test_long_profile_of_foundry_toml_when_multiplied_makes_a_million_calls() -> None:
    campaign = FORGE["long"]["invariant"]
    assert campaign["runs"] * campaign["depth"] >= 1_000_000


def test_short_profile_of_foundry_toml_when_compared_differs_in_the_generated_code_and_its_place_alone() -> None:
    assert set(FORGE["short"]) == {"via_ir", "optimizer_runs", "out", "cache_path"}


def test_profiles_of_foundry_toml_when_compared_differ_in_lengths_alone() -> None:
    differing = {key for section in FORGE["long"].values() for key in section}
    assert differing == {"runs", "depth"}


def test_package_lock_when_read_names_no_registry() -> None:
    assert "resolved" not in (ROOT / "package-lock.json").read_text()


def test_package_lock_when_read_holds_none_of_the_peers_that_set_up_leaves_out() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    peers = {peer for package in packages.values() for peer in package.get("peerDependencies", {})}
    assert peers, "if no package has peers, set-up needs no --legacy-peer-deps"
    assert not [peer for peer in peers if f"node_modules/{peer}" in packages]
    assert "--legacy-peer-deps" in (ROOT / "Makefile").read_text()


def test_requirements_lock_when_read_names_no_registry_and_hashes_everything() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if "==" in line]
    assert pins
    assert not [line for line in lines if "://" in line]
    assert all(pin.rstrip().endswith("\\") for pin in pins), "a pin is followed by its hashes"
