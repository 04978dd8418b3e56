"""The prover's calls as steps: one function per key of `tallystick.proving.ezkl.CALLS`, with that call's arguments."""

from __future__ import annotations

from pathlib import Path

from tallystick.proving.child import Step
from tallystick.proving.circuit_options import CircuitOptions


def settings(model: Path, made: Path, options: CircuitOptions) -> Step:
    arguments: dict[str, str | int] = {
        "model": str(model),
        "settings": str(made),
        "decomp_base": options.decomp_base,
        "decomp_legs": options.decomp_legs,
        "freivalds": options.freivalds,
    }
    return Step("settings", "settings", arguments)


def calibrate(data: Path, model: Path, changed: Path) -> Step:
    return Step("calibrate", "calibrate", {"data": str(data), "model": str(model), "settings": str(changed)})


def compile_circuit(model: Path, made: Path, settings: Path) -> Step:
    return Step("compile", "compile", {"model": str(model), "compiled": str(made), "settings": str(settings)})


def srs(made: Path, logrows: int) -> Step:
    return Step("srs", "srs", {"path": str(made), "logrows": logrows})


def setup(compiled: Path, made_vk: Path, made_pk: Path, srs: Path) -> Step:
    return Step("setup", "setup", {"compiled": str(compiled), "vk": str(made_vk), "pk": str(made_pk), "srs": str(srs)})


def vka(vk: Path, settings: Path, made: Path, srs: Path) -> Step:
    return Step("vka", "vka", {"vk": str(vk), "settings": str(settings), "vka": str(made), "srs": str(srs)})


def solidity(vk: Path, settings: Path, made: Path, srs: Path) -> Step:
    return Step(
        "solidity",
        "solidity",
        {
            "vk": str(vk),
            "settings": str(settings),
            "source": str(made),
            "abi": str(made.with_suffix(".abi")),
            "srs": str(srs),
        },
    )


def witness(data: Path, compiled: Path, made: Path) -> Step:
    return Step("witness", "witness", {"data": str(data), "compiled": str(compiled), "witness": str(made)})


def mock(witness: Path, compiled: Path) -> Step:
    return Step("mock", "mock", {"witness": str(witness), "compiled": str(compiled)})


def prove(witness: Path, compiled: Path, pk: Path, made: Path, srs: Path) -> Step:
    return Step(
        "prove",
        "prove",
        {
            "witness": str(witness),
            "compiled": str(compiled),
            "pk": str(pk),
            "proof": str(made),
            "srs": str(srs),
        },
    )


def verify(proof: Path, settings: Path, vk: Path, srs: Path) -> Step:
    return Step("verify", "verify", _verify_arguments(proof, settings, vk, srs))


def refuse(proof: Path, settings: Path, vk: Path, srs: Path) -> Step:
    return Step("verify", "refuse", _verify_arguments(proof, settings, vk, srs))


def _verify_arguments(proof: Path, settings: Path, vk: Path, srs: Path) -> dict[str, str | int]:
    return {"proof": str(proof), "settings": str(settings), "vk": str(vk), "srs": str(srs)}
