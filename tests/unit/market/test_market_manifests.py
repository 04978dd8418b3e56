"""Manifests: a digest names exactly one document, and a document exactly one manifest."""

import hashlib
import json

import pytest
from market_samples import JOB, word

from tallystick.errors import ArtifactCorruptError
from tallystick.ids import ModelId
from tallystick.market.manifests import (
    ArtifactRef,
    JobManifest,
    ModelManifest,
    ProgramManifest,
    ProgramTensor,
    ResultManifest,
    SrsRef,
    TraceManifest,
    decode_model_manifest,
)
from tallystick.tensors import TensorSpec

REF = ArtifactRef(cid="bafkreia", size_bytes=10)
TENSOR = TensorSpec(name="x", shape=(1, 64), scale=7, low="0.0", high="16.0")
MODEL = ModelManifest(
    name="digits",
    prover_version="23.0.5",
    onnx=REF,
    settings=REF,
    srs=SrsRef(logrows=15, sha256=word(1), origin="development", artifact=REF),
    inputs=(TENSOR,),
    outputs=(TENSOR,),
    program_id=word(2),
)
JOB_MANIFEST = JobManifest(model_id=ModelId(word(0xAB)), requirements="ram>=4GiB", inputs=(REF, REF), note="hello")
RESULT = ResultManifest(job_id=JOB, milestone=1, output=REF)
PIXELS = ProgramTensor(name="x", dtype="u8", dims=(1, 8, 8, 1), held="quantised", scale_bits="0x3d800000", zero=0)
PROGRAM = ProgramManifest(
    name="digits cnn",
    semantics_version=1,
    program=REF,
    package=REF,
    inputs=(PIXELS,),
    output=ProgramTensor(name="y", dtype="i32", dims=(1, 10), held="integers"),
    program_id=word(3),
)
TRACE = TraceManifest(trace_root=word(4), roots=REF, tensors=(REF, REF))
EACH = pytest.mark.parametrize(
    "manifest", [MODEL, PROGRAM, JOB_MANIFEST, RESULT, TRACE], ids=lambda held: type(held).__name__
)


def respelled(manifest, change) -> bytes:
    plain = json.loads(manifest.encode())
    change(plain)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@EACH
def test_decode_undoes_encode(manifest):
    assert type(manifest).decode(manifest.encode()) == manifest


@EACH
def test_digest_is_the_hash_of_the_document(manifest):
    assert manifest.digest() == "0x" + hashlib.sha256(manifest.encode()).hexdigest()


@EACH
@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.update(schema_version=2),
        lambda plain: plain.update(extra=1),
        lambda plain: plain.pop("schema_version"),
        lambda plain: plain.clear(),
    ],
    ids=["another schema", "another field", "no schema", "nothing"],
)
def test_decode_given_another_form_is_refused(manifest, change):
    with pytest.raises(ArtifactCorruptError, match=type(manifest).__name__):
        type(manifest).decode(respelled(manifest, change))


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain.pop("note"),
        lambda plain: plain.update(model_id=plain["model_id"].upper().replace("X", "x")),
        lambda plain: plain["inputs"][0].update(size_bytes="10"),
    ],
    ids=["a default left out", "upper case", "a number as text"],
)
def test_decode_given_the_same_content_in_another_spelling_is_refused(change):
    """Its digest would be another document's."""
    with pytest.raises(ArtifactCorruptError):
        JobManifest.decode(respelled(JOB_MANIFEST, change))


@pytest.mark.parametrize(
    "change",
    [
        lambda plain: plain["inputs"][0].update(size_bytes=-1),
        lambda plain: plain["inputs"][0].update(cid="b" * 129),
        lambda plain: plain.update(requirements="x" * 1001),
    ],
    ids=["negative size", "long cid", "long requirements"],
)
def test_decode_given_values_out_of_bounds_is_refused(change):
    with pytest.raises(ArtifactCorruptError, match="wrong form"):
        JobManifest.decode(respelled(JOB_MANIFEST, change))


def test_decode_given_another_manifest_is_refused():
    with pytest.raises(ArtifactCorruptError):
        ResultManifest.decode(JOB_MANIFEST.encode())


def test_decode_given_white_space_is_refused():
    with pytest.raises(ArtifactCorruptError, match="canonical"):
        ResultManifest.decode(RESULT.encode() + b"\n")


@pytest.mark.parametrize("manifest", [MODEL, PROGRAM], ids=["zk", "optimistic"])
def test_decode_model_manifest_given_either_kind_finds_which(manifest):
    assert decode_model_manifest(manifest.encode()) == manifest


@pytest.mark.parametrize(
    "data", [b"[]", b"{}", b"null", RESULT.encode()], ids=["a list", "empty", "nothing", "another's"]
)
def test_decode_model_manifest_given_something_else_is_refused(data):
    with pytest.raises(ArtifactCorruptError, match="ModelManifest"):
        decode_model_manifest(data)


@pytest.mark.parametrize(
    "change",
    [{"held": "integers"}, {"scale_bits": None}, {"zero": None}, {"dims": (0,)}, {"dtype": "f32"}],
    ids=["a scale of integers", "no scale", "no zero", "an empty dim", "floats"],
)
def test_program_tensor_given_what_cannot_be_is_refused(change):
    with pytest.raises(ValueError, match=next(iter(change)) if change.keys() & {"dims", "dtype"} else "held as"):
        ProgramTensor.model_validate({**PIXELS.model_dump(), **change})
