import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import engine_network
import numpy as np
import pytest
from engine_network import INPUT, image, network
from threadpoolctl import threadpool_info

from tallystick.engine.backends.numpy_backend import NumpyBackend
from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.executor import run, run_batch
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType
from tallystick.errors import InputError, TensorError


def trace_roots_in_a_new_process(blas_threads):
    script = Path(engine_network.__file__)
    roots = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "OPENBLAS_NUM_THREADS": str(blas_threads), "OMP_NUM_THREADS": str(blas_threads)},
        cwd=script.parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return roots.stdout.split()


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_run_given_other_processes_thread_counts_and_sums_has_the_same_trace_root(threads):
    here = run(network(), [image(1)]).commit().trace_root.hex()
    assert trace_roots_in_a_new_process(threads) == [here] * 3


def test_run_given_threads_of_its_own_has_the_same_trace_root():
    roots = [
        run(network(), [image(1)], backend=NumpyBackend(threads=threads)).commit().trace_root for threads in (1, 2, 3)
    ]
    assert len(set(roots)) == 1


def test_run_given_one_blas_thread_gives_blas_its_own_number_back():
    def threads():
        return [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]

    before = threads()
    program = network()
    plan = NumpyBackend(threads=2).prepare(program)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda seed: run(program, [image(seed)], plan=plan), range(6)))
    assert threads() == before


def test_run_batch_given_eight_images_gives_the_traces_of_eight_runs():
    program = network()
    plan = NumpyBackend().prepare(program)
    images = [[image(seed)] for seed in range(8)]
    together = run_batch(program, images, plan=plan)
    assert len({trace.commit().trace_root for trace in together}) == 8
    for inputs, trace in zip(images, together, strict=True):
        assert trace.commit() == run(program, inputs, plan=plan).commit()


def test_run_given_no_trace_keeps_only_the_output():
    program = network()
    full, bare = run(program, [image(3)]), run(program, [image(3)], trace=False)
    assert [index for index, tensor in enumerate(bare.tensors) if tensor is not None] == [program.output]
    np.testing.assert_array_equal(bare.output, full.output)
    with pytest.raises(InputError, match=r"did not keep the tensor of step 0\. Run it with trace=True"):
        bare.commit()


def test_run_given_an_array_that_changes_later_keeps_what_it_was():
    builder = ProgramBuilder()
    program = builder.build(builder.reshape(builder.input(TensorHeader(DType.U8, (2, 3)), "x"), (3, 2)))
    array = np.arange(6, dtype=np.uint8).reshape(2, 3)
    trace = run(program, [array])
    array[...] = 0
    assert trace.output.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert trace.inputs[0].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "takes 1 inputs, not 0"),
        ([np.zeros(INPUT.dims, np.int8)], r"Input 0 \(image\) is int8\[1, 24, 24, 3\], and the program takes uint8"),
        (
            [np.zeros((1, 3, 24, 24), np.uint8)],
            r"is uint8\[1, 3, 24, 24\], and the program takes uint8\[1, 24, 24, 3\]",
        ),
        ([np.zeros(INPUT.dims, np.float32)], "float32"),
    ],
)
def test_run_given_inputs_that_do_not_fit_raises_with_both(inputs, message):
    with pytest.raises(TensorError, match=message):
        run(network(), inputs)


def test_run_given_big_endian_integers_reads_their_values():
    builder = ProgramBuilder()
    x = builder.input(TensorHeader(DType.I32, (3,)), "x")
    program = builder.build(builder.arith(ArithKind.ADD, x, 1))
    assert run(program, [np.array([1, -2, 70000], ">i4")]).output.tolist() == [2, -1, 70001]


def test_run_batch_given_no_items_gives_no_traces():
    assert run_batch(network(), []) == []


def test_run_given_a_program_without_inputs_computes_from_its_constants():
    builder = ProgramBuilder()
    held = builder.constant(np.array([5, -6], np.int32))
    program = builder.build(builder.arith(ArithKind.MUL, held, held))
    traces = run_batch(program, [[], []])
    assert [trace.output.tolist() for trace in traces] == [[25, 36]] * 2


def test_run_given_every_tensor_of_a_trace_returns_contiguous_arrays_of_the_headers():
    trace = run(network(), [image(5)])
    for step, tensor in zip(trace.program.steps, trace.tensors, strict=True):
        assert tensor.shape == step.header.dims
        assert tensor.dtype.itemsize == step.header.dtype.size
        assert tensor.flags.c_contiguous
