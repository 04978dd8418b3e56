import numpy as np
from engine_steps import array_of, assert_step
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.engine.opcodes import ConcatAttributes, DType, GatherAttributes, ReshapeAttributes, ViewAttributes

SMALL = st.integers(1, 4)
ANY = st.sampled_from(list(DType))
SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=60, deadline=None)
@given(st.data(), ANY, st.lists(SMALL, max_size=4), SEEDS)
def test_view_given_any_starts_and_steps_equals_the_oracle(data, dtype, dims, seed):
    draw, rank = data.draw, len(dims)
    perm = draw(st.permutations(range(rank)))
    start = [draw(st.integers(-5, 7)) for _ in range(rank)]
    step = [draw(st.integers(-3, 3)) for _ in range(rank)]
    out = [draw(SMALL) for _ in range(rank)]
    attributes = ViewAttributes.of(perm, start, step, draw(st.sampled_from([dtype.low, dtype.high, 0])))
    assert_step(attributes, [array_of(np.random.default_rng(seed), dtype, tuple(dims))], {0}, dtype, out)


@settings(max_examples=40, deadline=None)
@given(st.data(), ANY, st.lists(SMALL, min_size=1, max_size=4), SEEDS)
def test_view_given_a_transposition_or_reversal_equals_the_oracle(data, dtype, dims, seed):
    perm = data.draw(st.permutations(range(len(dims))))
    back = [data.draw(st.booleans()) for _ in dims]
    out = [dims[axis] for axis in perm]
    attributes = ViewAttributes.of(
        perm, [dim - 1 if b else 0 for dim, b in zip(out, back, strict=True)], [-1 if b else 1 for b in back]
    )
    assert_step(attributes, [array_of(np.random.default_rng(seed), dtype, tuple(dims))], {0}, dtype, out)


@settings(max_examples=30, deadline=None)
@given(st.data(), ANY, st.lists(SMALL, min_size=1, max_size=4), SEEDS)
def test_concat_given_live_and_constant_parts_equals_the_oracle(data, dtype, dims, seed):
    rng, axis = np.random.default_rng(seed), data.draw(st.integers(0, len(dims) - 1))
    sizes = data.draw(st.lists(SMALL, min_size=1, max_size=4))
    parts = [array_of(rng, dtype, (*dims[:axis], size, *dims[axis + 1 :])) for size in sizes]
    offsets = tuple(sum(sizes[:k]) for k in range(len(sizes)))
    live = data.draw(st.sets(st.integers(0, len(sizes) - 1), min_size=1))
    out = (*dims[:axis], sum(sizes), *dims[axis + 1 :])
    assert_step(ConcatAttributes(axis, offsets), parts, live, dtype, out)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.tuples(ANY, ANY), st.lists(SMALL, min_size=1, max_size=3), st.lists(SMALL, max_size=2), SEEDS)
def test_gather_given_negative_and_outside_indices_equals_the_oracle(data, types, dims, index_dims, seed):
    dtype, index_type = types
    rng, axis = np.random.default_rng(seed), data.draw(st.integers(0, len(dims) - 1))
    near = rng.integers(-dims[axis] - 2, dims[axis] + 2, tuple(index_dims))
    indices = np.asarray(np.clip(near, index_type.low, None), array_of(rng, index_type, ()).dtype)
    if data.draw(st.booleans()):
        indices = array_of(rng, index_type, tuple(index_dims))
    out = (*dims[:axis], *index_dims, *dims[axis + 1 :])
    live = data.draw(st.sampled_from([{0}, {1}, {0, 1}]))
    assert_step(GatherAttributes(axis), [array_of(rng, dtype, tuple(dims)), indices], live, dtype, out)


def test_reshape_given_other_dims_keeps_the_order():
    x = np.arange(24, dtype=np.int32).reshape(2, 3, 4)
    assert_step(ReshapeAttributes(), [x], {0}, DType.I32, (4, 6))
