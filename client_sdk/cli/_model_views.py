"""Registered models as commands show them: once as plain values, once for people. Pure, and light: no numpy here."""

from __future__ import annotations

import struct
from typing import Any

from rich.table import Table

from client_sdk._models import ModelHandle, ModelListing
from client_sdk.cli._screen import facts_table, list_table
from tallystick.market.manifests import ModelManifest, ProgramManifest, ProgramTensor
from tallystick.tensors import TensorSpec


def model_values(model: ModelHandle) -> dict[str, Any]:
    """Of either proof kind; what only one of them has is left out for the other."""
    values = {
        "model_id": model.model_id,
        "name": model.name,
        "proof_kind": model.manifest.proof_kind,
        "inputs": [spec.model_dump(mode="json") for spec in model.inputs],
        "outputs": [spec.model_dump(mode="json") for spec in model.outputs],
        "program_id": model.spec.program_id,
    }
    if isinstance(model.manifest, ProgramManifest):
        return {**values, **_program_values(model.manifest)}
    return {**values, **_circuit_values(model.manifest)}


def _circuit_values(manifest: ModelManifest) -> dict[str, Any]:
    return {
        "prover": f"{manifest.prover} {manifest.prover_version}",
        "srs": manifest.srs.origin,
        "logrows": manifest.srs.logrows,
        "onnx": manifest.onnx.cid,
    }


def _program_values(manifest: ProgramManifest) -> dict[str, Any]:
    return {
        "semantics_version": manifest.semantics_version,
        "program": manifest.program.cid,
        "program_bytes": manifest.program.size_bytes,
        "package": manifest.package.cid,
    }


def model_table(model: ModelHandle) -> Table:
    """For people."""
    rows: dict[str, object] = {
        "model": model.model_id,
        "name": model.name,
        "proof kind": f"{model.manifest.proof_kind}: {_KINDS[model.manifest.proof_kind]}",
    }
    rows |= {f"input {spec.name}": _tensor(spec) for spec in model.inputs}
    rows |= {f"output {spec.name}": _tensor(spec) for spec in model.outputs}
    values = model_values(model)
    if isinstance(model.manifest, ProgramManifest):
        rows |= {"program": values["program_id"], "semantics": str(values["semantics_version"])}
        return facts_table(rows)
    rows |= {"prover": values["prover"], "circuit": f"2^{values['logrows']} rows", "onnx": values["onnx"]}
    if model.manifest.srs.origin == "development":
        rows["trust"] = "development SRS: whoever made it could forge proofs; fit for tests only"
    return facts_table(rows)


_KINDS = {
    "zk": "every result is proven, and paid at once",
    "optimistic": "results stand a challenge window, in which anyone can show that one is wrong",
}


def models_table(models: list[ModelListing]) -> Table:
    """One row for each, as listed."""
    table = list_table("model", "name", "proof kind", "block")
    for model in models:
        name = model.name or "(its manifest is not in this store)"
        table.add_row(model.model_id, name, model.proof_kind.name.lower(), str(model.registered_block))
    return table


def _tensor(spec: TensorSpec | ProgramTensor) -> str:
    if isinstance(spec, TensorSpec):
        return f"{list(spec.shape)}, {spec.low} to {spec.high}, {spec.scale} fractional bits"
    shown = f"{spec.dtype}{list(spec.dims)}"
    if spec.scale_bits is not None:
        [scale] = struct.unpack(">f", bytes.fromhex(spec.scale_bits[2:]))
        return f"{shown}, scale {scale:.7g}, zero {spec.zero}"
    return f"{shown}, {'floats by order' if spec.held == 'order' else 'integers'}"
