from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from scripts.engine_vectors import sample_trace
from tallystick.dispute.packing import FaultKind, pack_output_fault, pack_witness
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.executor import run
from tallystick.engine.fold import LEAF_BYTES
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.opener import Opener
from tallystick.engine.openings import OpenedTensor, Opening
from tallystick.engine.tree import byte_tree, roots_tree
from tallystick.engine.witness import Witness
from tallystick.engine.witness_json import from_json
from tallystick.errors import WitnessError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "engine.json").read_text())["witnesses"]
CONV, ARITH, CONCAT = 0, 3, 9


@pytest.fixture(scope="module")
def opener() -> Opener:
    return Opener(sample_trace())


def shown_one_by_one(witness: Witness) -> int:
    """Bytes of everything that a witness has, but for lengths and numbers."""
    tensors = [tensor for tensor in (witness.output, *witness.operands) if tensor]
    openings = [opening for tensor in tensors for opening in tensor.openings]
    paths = [witness.step_path, *(tensor.path for tensor in tensors), *(opening.proof for opening in openings)]
    headers = sum(len(tensor.header) + len(tensor.tree_root) for tensor in tensors)
    data = sum(len(opening.data) for opening in openings)
    return len(witness.program) + len(witness.step) + headers + data + 32 * sum(map(len, paths))


# ---- kinds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_pack_witness_of_a_vector_is_of_the_kind_that_it_shows(case: dict[str, str]) -> None:
    kinds = {"header": FaultKind.HEADER, "padding": FaultKind.PADDING}
    assert pack_witness(from_json(case["witness"]))[0] == kinds.get(case["outcome"], FaultKind.ELEMENT)


@pytest.mark.parametrize("case", VECTORS, ids=lambda case: case["name"])
def test_pack_witness_of_a_vector_is_smaller_than_its_parts(case: dict[str, str]) -> None:
    witness = from_json(case["witness"])
    assert len(pack_witness(witness)) < 0.95 * shown_one_by_one(witness)


def test_pack_output_fault_has_the_root_and_its_path(opener: Opener) -> None:
    roots, output = opener.trace.commit().tensor_roots, opener.program.output
    path = roots_tree(roots).prove(output)
    program = opener.witness(0, 0).program
    packed = pack_output_fault(program, roots[output], path)
    assert packed == bytes([FaultKind.OUTPUT]) + program + roots[output] + b"".join(path)


def test_pack_witness_with_something_behind_the_last_leaf_is_of_padding(opener: Opener) -> None:
    pool_sum = 2
    witness = opener.witness(pool_sum, opener.program.steps[pool_sum].header.size - 1)
    (opening,) = witness.output.openings
    data = np.array(opener.trace.tensors[pool_sum]).astype(">i4").tobytes().ljust(3 * LEAF_BYTES, b"\0")
    tree = byte_tree(data + b"\1" * LEAF_BYTES)
    held = dataclasses.replace(opening, proof=tuple(tree.prove(opening.first)))
    output = dataclasses.replace(witness.output, tree_root=tree.root, openings=(held,))
    assert pack_witness(witness)[0] == FaultKind.ELEMENT
    assert pack_witness(dataclasses.replace(witness, output=output))[0] == FaultKind.PADDING


# ---- nothing twice ----------------------------------------------------------------------------------------------------


def test_pack_witness_of_a_tensor_that_is_two_operands_has_its_leaves_once() -> None:
    builder = ProgramBuilder()
    x = builder.input(TensorHeader(DType.U8, (1, 1, 400)), "x")
    doubled = builder.arith(ArithKind.ADD, x, x)
    image = np.random.default_rng(1).integers(1, 256, (1, 1, 400), dtype=np.uint8)
    packed = pack_witness(Opener(run(builder.build(doubled), [image])).witness(0, 300))
    leaf = image.tobytes()[LEAF_BYTES:].ljust(LEAF_BYTES, b"\0")
    assert packed.count(leaf) == 1


def test_pack_witness_of_scattered_leaves_has_what_their_paths_share_once() -> None:
    """Nine taps of a window over 256 channels, in three runs of leaves: their proofs share what lies above."""
    builder = ProgramBuilder()
    x = builder.input(TensorHeader(DType.U8, (1, 16, 16, 256)), "x")
    pooled = builder.max_pool(x, Window(3, 3, 1, 1, 1, 1), (16, 16))
    image = np.random.default_rng(1).integers(0, 256, (1, 16, 16, 256), dtype=np.uint8)
    opener = Opener(run(builder.build(pooled), [image]))
    witness = opener.witness(0, int(np.ravel_multi_index((0, 8, 8, 9), (1, 16, 16, 256))))
    proofs = sum(len(opening.proof) for opening in witness.operands[0].openings)
    saved = shown_one_by_one(witness) - len(pack_witness(witness))
    assert len(witness.operands[0].openings) == 3
    assert saved > 32 * proofs // 3


# ---- what cannot be packed --------------------------------------------------------------------------------------------


def refused(witness: Witness) -> str:
    with pytest.raises(WitnessError) as caught:
        pack_witness(witness)
    return caught.value.reason


def with_output(witness: Witness, **changed: object) -> Witness:
    return dataclasses.replace(witness, output=dataclasses.replace(witness.output, **changed))


def with_operand(witness: Witness, place: int, **changed: object) -> Witness:
    operands = list(witness.operands)
    operands[place] = dataclasses.replace(operands[place], **changed)
    return dataclasses.replace(witness, operands=tuple(operands))


def test_pack_witness_of_a_program_that_is_none_raises(opener: Opener) -> None:
    assert refused(dataclasses.replace(opener.witness(CONV, 0), program=b"\0")) == "Form"


def test_pack_witness_of_a_step_that_is_none_raises(opener: Opener) -> None:
    assert refused(dataclasses.replace(opener.witness(CONV, 0), step=b"\0")) == "Form"


def test_pack_witness_with_a_header_of_256_bytes_raises(opener: Opener) -> None:
    assert pack_witness(with_output(opener.witness(CONV, 0), header=bytes(255)))[0] == FaultKind.HEADER
    assert refused(with_output(opener.witness(CONV, 0), header=bytes(256))) == "Form"


def test_pack_witness_with_an_operand_whose_header_is_none_raises(opener: Opener) -> None:
    assert refused(with_operand(opener.witness(ARITH, 0), 0, header=bytes(26))) == "Form"


@pytest.mark.parametrize("root", [b"", bytes(31), bytes(33)])
def test_pack_witness_with_a_tree_root_of_another_length_raises(opener: Opener, root: bytes) -> None:
    assert refused(with_operand(opener.witness(ARITH, 0), 0, tree_root=root)) == "Form"
    assert refused(with_output(opener.witness(ARITH, 0), header=b"\1", tree_root=root)) == "Form"


@pytest.mark.parametrize("data", [b"", bytes(255), bytes(257)])
def test_pack_witness_with_a_part_of_a_leaf_raises(opener: Opener, data: bytes) -> None:
    (opening,) = opener.witness(ARITH, 0).operands[0].openings
    other = Opening(opening.first, data, opening.proof)
    assert refused(with_operand(opener.witness(ARITH, 0), 0, openings=(other,))) == "Form"


def test_pack_witness_with_a_path_of_another_length_raises(opener: Opener) -> None:
    assert refused(with_operand(opener.witness(ARITH, 0), 0, path=())) == "Form"


def test_pack_witness_without_the_elements_leaf_raises(opener: Opener) -> None:
    assert refused(with_output(opener.witness(ARITH, 0), openings=())) == "Missing"


def test_pack_witness_with_another_number_of_operands_raises(opener: Opener) -> None:
    witness = opener.witness(ARITH, 0)
    assert refused(dataclasses.replace(witness, operands=witness.operands[:1])) == "Form"


def test_pack_witness_of_concat_has_the_one_operand_that_is_read(opener: Opener) -> None:
    witness = opener.witness(CONCAT, 1)
    shown = [tensor for tensor in witness.operands if tensor]
    assert (len(witness.operands), len(shown)) == (2, 1)
    assert isinstance(shown[0], OpenedTensor)
    assert shown[0].openings[0].data in pack_witness(witness)
