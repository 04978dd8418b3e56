"""The committed cases say what the executor, the processor and hashlib say: read from the file alone."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from tallystick.engine.element import element
from tallystick.engine.executor import run
from tallystick.engine.opcodes import ATTRIBUTES, DType, Opcode
from tallystick.engine.preimages import decode_header, decode_step
from tallystick.engine.program import Program, Ref, RefKind, from_bytes
from tallystick.engine.witness import verify
from tallystick.engine.witness_json import from_json, to_json
from tallystick.errors import WitnessError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "engine.json").read_text())
TREES = VECTORS["trees"]
EMPTY = bytes(32)


def unhex(value):
    return [unhex(item) for item in value] if isinstance(value, list) else bytes.fromhex(value[2:])


def digest(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def fold(row):
    """The root over a bottom level, as docs/determinism.md has it."""
    row = row + [EMPTY] * ((1 << (len(row) - 1).bit_length()) - len(row))
    while len(row) > 1:
        row = [digest(b"\1", *row[at : at + 2]) for at in range(0, len(row), 2)]
    return row[0]


def leaves(data):
    size = TREES["leafBytes"]
    return [digest(b"\0", data[at : at + size].ljust(size, b"\0")) for at in range(0, len(data), size)]


def folds_to(row, first, count, proof):
    """What leaves `first` on and a range's proof lead to: left neighbour of an odd start, right one of an even end."""
    last, proof = first + len(row) - 1, list(proof)
    for _ in range((count - 1).bit_length()):
        row = ([proof.pop(0)] if first & 1 else []) + row
        row += [proof.pop(0)] if not last & 1 else []
        row = [digest(b"\1", *row[at : at + 2]) for at in range(0, len(row), 2)]
        first, last = first >> 1, last >> 1
    assert not proof
    return row[0]


def operand_array(operand):
    header = decode_header(unhex(operand["header"]))
    data = unhex(operand["data"]) if "data" in operand else unhex(operand["repeats"])
    return from_bytes((data * (header.byte_size // len(data) + 1))[: header.byte_size], header)


# ---- hashing ----------------------------------------------------------------------------------------------------------


def test_vectors_of_leaves_and_nodes_are_hashlibs():
    assert unhex(TREES["leaf"]["hash"]) == leaves(unhex(TREES["leaf"]["data"]))[0]
    node = TREES["node"]
    assert unhex(node["hash"]) == digest(b"\1", unhex(node["left"]), unhex(node["right"]))
    for height, unused in enumerate(unhex(TREES["unused"])):
        assert unused == fold([EMPTY] * (1 << height))


@pytest.mark.parametrize("case", TREES["byteTrees"], ids=lambda case: str(case["leaves"]))
def test_vectors_of_byte_trees_are_hashlibs(case):
    row = leaves(unhex(case["data"]))
    assert (len(row), fold(row)) == (case["leaves"], unhex(case["root"]))
    for shown in case["ranges"]:
        part = row[shown["first"] : shown["last"] + 1]
        assert folds_to(part, shown["first"], len(row), unhex(shown["proof"])) == unhex(case["root"])


@pytest.mark.parametrize("case", TREES["rootTrees"], ids=lambda case: str(len(case["roots"])))
def test_vectors_of_root_trees_are_hashlibs(case):
    roots = unhex(case["roots"])
    assert fold(roots) == unhex(case["root"])
    for shown in case["paths"]:
        index = shown["index"]
        assert folds_to([roots[index]], index, len(roots), unhex(shown["path"])) == unhex(case["root"])


@pytest.mark.parametrize("case", TREES["tensors"], ids=lambda case: str(case["dims"]))
def test_vectors_of_tensor_roots_are_hashlibs(case):
    dims = b"".join(dim.to_bytes(4, "big") for dim in case["dims"])
    elements = int(np.prod(case["dims"], dtype=int)).to_bytes(8, "big")
    header = bytes([case["dtype"], len(case["dims"])]) + dims + elements
    assert unhex(case["header"]) == header
    assert unhex(case["root"]) == digest(b"\2", header, unhex(case["treeRoot"]))


def test_vectors_of_the_program_are_hashlibs():
    program = VECTORS["program"]
    for step in program["steps"]:
        operands = b"".join(bytes([kind]) + index.to_bytes(4, "big") for kind, index in step["operands"])
        ints = b"".join(value.to_bytes(4, "big", signed=True) for value in step["attributes"])
        count = len(step["attributes"]).to_bytes(2, "big")
        encoded = bytes([step["opcode"], len(step["operands"])]) + operands + unhex(step["header"]) + count + ints
        assert unhex(step["encoded"]) == encoded
        assert unhex(step["hash"]) == digest(b"\3", encoded)
    steps_root = fold([unhex(step["hash"]) for step in program["steps"]])
    constants_root, inputs = fold(unhex(program["constantRoots"])), unhex(program["inputs"])
    numbers = [1, len(program["steps"]), len(program["constantRoots"]), program["output"]]
    version, n_steps, n_constants, output = (number.to_bytes(4, "big") for number in numbers)
    parts = (version, n_steps, steps_root, n_constants, constants_root, bytes([len(inputs)]), *inputs, output)
    assert unhex(program["preimage"]) == b"".join(parts)
    assert unhex(program["hash"]) == digest(b"\4", *parts)
    assert unhex(program["traceRoot"]) == fold(unhex(program["tensorRoots"]))


# ---- elements ---------------------------------------------------------------------------------------------------------


def test_vectors_of_requantise_are_the_processors():
    rows = np.array(VECTORS["requantize"]["cases"], np.int64)
    with np.errstate(all="ignore"):
        products = rows[:, 0].astype(np.float32) * rows[:, 1].astype(np.int32).view(np.float32)
    rounded = np.clip(np.rint(products.astype(np.float64)), -(2.0**40), 2.0**40).astype(np.int64) + rows[:, 2]
    low, high = ([getattr(DType(kind), end) for kind in rows[:, 3]] for end in ("low", "high"))
    assert np.array_equal(np.clip(rounded, low, high), rows[:, 4])


@pytest.mark.parametrize("case", VECTORS["elements"], ids=lambda case: case["name"])
def test_vectors_of_elements_are_the_executors(case):
    step, operands = decode_step(unhex(case["step"])), [operand_array(operand) for operand in case["operands"]]
    attributes = ATTRIBUTES[Opcode(case["opcode"])].from_ints(case["attributes"])
    assert (step.attributes, step.header) == (attributes, decode_header(unhex(case["header"])))
    refs = tuple(Ref(RefKind.CONSTANT, place) for place in range(len(operands)))
    program = Program((), tuple(operands), (dataclasses.replace(step, operands=refs),), 0)
    whole = run(program, []).output.reshape(-1)
    for index, expected in case["elements"]:
        assert whole[index] == element(step, operands, index) == expected


def test_vectors_have_elements_of_every_opcode():
    assert {case["opcode"] for case in VECTORS["elements"]} == set(Opcode)


# ---- witnesses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", VECTORS["witnesses"], ids=lambda case: case["name"])
def test_vectors_of_witnesses_have_their_verdicts(case):
    witness = from_json(case["witness"])
    assert to_json(witness) == case["witness"]
    roots = {
        "program_hash": unhex(case["programHash"]),
        "trace_root": unhex(case["traceRoot"]),
        "input_root": unhex(case["inputRoot"]),
    }
    if case["outcome"] == "unproven":
        with pytest.raises(WitnessError) as caught:
            verify(witness, **roots)
        assert caught.value.reason == case["reason"]
        return
    verdict = verify(witness, **roots)
    assert (verdict.outcome, verdict.computed, verdict.claimed) == (case["outcome"], case["computed"], case["claimed"])


def test_vectors_of_witnesses_have_every_outcome():
    assert {case["outcome"] for case in VECTORS["witnesses"]} == {"agrees", "differs", "header", "padding", "unproven"}
