"""Compiled programs as commands show them: once as plain values, once for people. Pure, and light: no numpy here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from client_sdk.cli._screen import list_table
from tallystick.units import format_size

if TYPE_CHECKING:
    from tallystick.engine.compiler.package import Package
    from tallystick.engine.compiler.report import CompileReport, TensorSpec

MANY_OPERANDS = 4
"""More are counted instead of named."""


def package_values(package: Package) -> dict[str, Any]:
    """Everything but the steps. Hashes are 0x and 64 hex digits; shares are 0..1."""
    manifest, report = package.manifest, package.report
    program = package.program
    return {
        "path": str(package.directory),
        "program_hash": manifest.program_hash,
        "steps_root": manifest.steps_root,
        "constants_root": manifest.constants_root,
        "semantics_version": manifest.semantics_version,
        "leaf_bytes": manifest.leaf_bytes,
        "step_count": len(program.steps),
        "macs": sum(step.macs for step in manifest.steps),
        "trace_bytes": sum(step.header.byte_size for step in program.steps),
        "constant_bytes": sum(header.byte_size for header in program.constant_headers),
        "worst_step_gas": max(manifest.gas),
        "inputs": [_spec_values(spec) for spec in report.inputs],
        "output": _spec_values(report.output),
        "operators": dict(report.operators),
        "source_sha256": report.source_sha256,
        "quantised_by": report.quantised_by,
        "samples": report.samples,
        "top1": report.top1,
        "rms_error": report.rms_error,
        "rms": report.rms,
        "equal": report.equal,
        "notes": list(report.notes),
    }


def step_values(package: Package) -> list[dict[str, Any]]:
    """One entry for each step; `gas` bounds the cost of showing that one of its elements is wrong."""
    program, manifest = package.program, package.manifest
    rows = zip(program.steps, manifest.steps, manifest.gas, package.commitment.step_hashes, strict=True)
    return [
        {
            "step": index,
            "node": step.name,
            "opcode": step.opcode.name,
            "family": step.opcode.family.value,
            "operands": [str(ref) for ref in step.operands],
            "output": str(step.header),
            "macs": entry.macs,
            "gas": gas,
            "hash": "0x" + digest.hex(),
        }
        for index, (step, entry, gas, digest) in enumerate(rows)
    ]


def steps_table(package: Package) -> Table:
    """The steps for people."""
    table = list_table("step", "node", "opcode", "family", "operands", "output", "MACs", "gas", "hash")
    for row in step_values(package):
        operands = _operands_text(row["operands"])
        numbers = (f"{row['macs']:,}" if row["macs"] else "", f"{row['gas']:,}")
        table.add_row(
            str(row["step"]),
            row["node"],
            row["opcode"],
            row["family"],
            operands,
            row["output"],
            *numbers,
            row["hash"][:10],
        )
    return table


def _operands_text(operands: list[str]) -> str:
    more = len(operands) - MANY_OPERANDS
    return ", ".join(operands[:MANY_OPERANDS]) + (f", {more} more" if more > 0 else "")


def package_facts(package: Package) -> dict[str, str]:
    """Names and values for people."""
    values = package_values(package)
    worst = package.manifest.gas.index(values["worst_step_gas"])
    report = package.report
    return {
        "program": values["program_hash"],
        "steps root": values["steps_root"],
        "constants root": values["constants_root"],
        "inputs": ", ".join(_spec_text(spec) for spec in report.inputs),
        "output": _spec_text(report.output),
        "steps": f"{values['step_count']}, {values['macs']:,} multiplications",
        "trace": f"{format_size(values['trace_bytes'])} for one input",
        "constants": format_size(values["constant_bytes"]),
        "worst step": f"{worst}, at most {values['worst_step_gas']:,} gas to show a fault in it",
        "quantised by": report.quantised_by,
        "agreement": _agreement_text(report),
        "ONNX file": f"sha256 {report.source_sha256}",
    }


def _spec_values(spec: TensorSpec) -> dict[str, Any]:
    held = spec.quantisation
    return {
        "name": spec.name,
        "dtype": spec.header.dtype.name.lower(),
        "dims": list(spec.header.dims),
        "held": spec.held,
        "scale": str(held.scale) if held else None,
        "zero": int(held.zero) if held else None,
    }


def _spec_text(spec: TensorSpec) -> str:
    how = {"integers": "", "order": ", floats by order"}.get(spec.held, "")
    if spec.quantisation is not None:
        how = f", scale {spec.quantisation.scale!s}, zero {spec.quantisation.zero}"
    return f"{spec.name} {spec.header}{how}"


def _agreement_text(report: CompileReport) -> str:
    if not report.samples:
        return "not compared"
    parts = {
        "largest element the same in": f"{report.top1:.2%} of rows" if report.top1 is not None else "",
        "equal": f"{report.equal:.2%} of elements" if report.equal is not None else "",
        "rms error": f"{report.rms_error:.4g} of rms {report.rms:.4g}"
        if report.rms_error is not None and report.rms is not None
        else "",
    }
    return ", ".join(f"{name} {text}" for name, text in parts.items() if text) + f" ({report.samples} samples)"
