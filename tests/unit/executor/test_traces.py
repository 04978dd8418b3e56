from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from executor_programs import inputs, program, root_of

from executor.optimistic.traces import MadeTrace, false, find_trace, honest, save_trace
from tallystick.dispute.claims import honest_claim
from tallystick.dispute.faults import ElementFault, HeaderFault, PaddingFault, corrupt
from tallystick.engine.executor import run
from tallystick.engine.trace import list_root
from tallystick.errors import ArtifactCorruptError

ROOT = root_of(inputs(0))


@pytest.fixture
def made() -> MadeTrace:
    trace = run(program(), inputs(0))
    return honest(trace, trace.commit())


def test_find_trace_given_what_was_saved_returns_it(tmp_path: Path, made: MadeTrace) -> None:
    save_trace(tmp_path / "0.trace", made)

    found = find_trace(tmp_path / "0.trace", program(), ROOT)

    assert found is not None
    assert (found.claim, found.roots, found.tensors) == (made.claim, made.roots, made.tensors)
    assert found.claim == honest_claim(run(program(), inputs(0)))
    assert list_root(found.roots) == found.claim.trace_root


def test_trace_given_what_was_saved_has_every_tensor(made: MadeTrace) -> None:
    trace, wanted = made.trace(program(), inputs(0)), run(program(), inputs(0))

    for tensor, expected in zip(trace.tensors, wanted.tensors, strict=True):
        assert tensor is not None
        assert expected is not None
        assert np.array_equal(tensor, expected)
    assert made.output(program()) == wanted.output.tobytes()


@pytest.mark.parametrize("place", [0, 33, 100, 200, -1])
def test_find_trace_given_one_changed_byte_finds_none(tmp_path: Path, made: MadeTrace, place: int) -> None:
    save_trace(tmp_path / "0.trace", made)
    data = bytearray((tmp_path / "0.trace").read_bytes())
    data[place] ^= 1
    (tmp_path / "0.trace").write_bytes(data)

    assert find_trace(tmp_path / "0.trace", program(), ROOT) is None


@pytest.mark.parametrize("kept", [0, 10, 32, 100, 300])
def test_find_trace_given_a_file_cut_short_finds_none(tmp_path: Path, made: MadeTrace, kept: int) -> None:
    save_trace(tmp_path / "0.trace", made)
    (tmp_path / "0.trace").write_bytes((tmp_path / "0.trace").read_bytes()[:kept])

    assert find_trace(tmp_path / "0.trace", program(), ROOT) is None


def test_find_trace_given_nothing_there_finds_none(tmp_path: Path) -> None:
    assert find_trace(tmp_path / "0.trace", program(), ROOT) is None


def test_find_trace_given_another_input_finds_none(tmp_path: Path, made: MadeTrace) -> None:
    save_trace(tmp_path / "0.trace", made)

    assert find_trace(tmp_path / "0.trace", program(), root_of(inputs(1))) is None


def test_false_given_an_element_keeps_what_the_claim_commits_to() -> None:
    lie = false(program(), corrupt(run(program(), inputs(0)), ElementFault(1, 7)))

    assert list_root(lie.roots) == lie.claim.trace_root
    assert lie.trace(program(), inputs(0)).commit().trace_root == lie.claim.trace_root


@pytest.mark.parametrize("fault", [HeaderFault(1), PaddingFault(1)])
def test_trace_given_a_tensor_of_another_form_refuses(fault: HeaderFault | PaddingFault) -> None:
    lie = false(program(), corrupt(run(program(), inputs(0)), fault))

    with pytest.raises(ArtifactCorruptError, match="step 1 is none of the program's form"):
        lie.trace(program(), inputs(0))
