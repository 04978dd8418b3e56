"""Small random programs of every family, valid as `tallystick.engine.validate` has it, and inputs for them."""

import numpy as np

from tallystick.engine.builder import ProgramBuilder
from tallystick.engine.headers import TensorHeader
from tallystick.engine.opcodes import ArithKind, DType, Window
from tallystick.engine.program import NUMPY_DTYPES, float_bits

BYTES = (DType.U8, DType.I8)
PLACES = 700
"""Elements of a tensor at most, so that each can be checked alone."""


def random_array(rng, header):
    """Any elements that the dtype has, its ends more often than by chance."""
    values = rng.integers(header.dtype.low, header.dtype.high + 1, header.dims)
    ends = rng.choice([header.dtype.low, 0, header.dtype.high], header.dims)
    return np.where(rng.random(header.dims) < 0.1, ends, values).astype(NUMPY_DTYPES[header.dtype])


class RandomSteps:
    """Adds random steps to a builder. Each method takes operands of 8 bits where it names `x`."""

    def __init__(self, rng, builder):
        self.rng, self.b = rng, builder

    def below(self, bound, low=0):
        return int(self.rng.integers(low, bound))

    def dtype(self, *among):
        among = among or tuple(DType)
        return among[self.below(len(among))]

    def zero(self, dtype):
        return self.below(dtype.high + 1, dtype.low) if dtype is not DType.I32 else 0

    def constant(self, dtype, dims):
        return self.b.constant(random_array(self.rng, TensorHeader(dtype, tuple(dims))))

    def multipliers(self, count, size=4.0):
        return float_bits(2.0 ** self.rng.uniform(-size - 8, 2 - size, count))

    def window(self, x):
        """A window and an output size that leave taps outside on every side now and then."""
        _, height, width, _ = self.b.dims(x)
        small = [self.below(4, 1) for _ in range(4)]
        pads = [self.below(3), self.below(3)]
        window = Window(*small, *pads, self.below(3, 1), self.below(3, 1))
        out = [
            max(1, min(4, size // stride + self.below(2))) for size, stride in ((height, small[2]), (width, small[3]))
        ]
        return window, tuple(out)

    # ---- one method for each family's opcodes ---------------------------------------------------------------------

    def conv(self, x):
        b, (window, out_hw), channels = self.b, self.window(x), self.b.dims(x)[3]
        groups = self.dtype(*(g for g in (1, 2, channels) if channels % g == 0))
        outputs = groups * self.below(4, 1)
        w_type, y_type = self.dtype(*BYTES), self.dtype()
        w = self.constant(w_type, (outputs, window.kernel_h, window.kernel_w, channels // groups))
        bias = self.rng.integers(-(10**5), 10**5, outputs)
        params = b.constant(np.stack([bias.astype(np.int32), self.multipliers(outputs, 5.0)], axis=1))
        zeros = (self.zero(b.header(x).dtype), self.zero(w_type), self.zero(y_type))
        return b.conv(x, w, params, window, out_hw, groups=groups, zeros=zeros, dtype=y_type)

    def matmul(self, x):
        b, k, y_type = self.b, self.b.dims(x)[-1], self.dtype()
        right = x if self.below(2) else self.constant(self.dtype(*BYTES), (self.below(5, 1), k))
        rows = b.dims(right)[-2] if self.below(2) else 1
        params = b.constant(
            np.stack([self.rng.integers(-999, 999, rows).astype(np.int32), self.multipliers(rows)], axis=1)
        )
        zeros = (self.zero(b.header(x).dtype), self.zero(b.header(right).dtype), self.zero(y_type))
        return b.matmul(x, right, params, zeros=zeros, dtype=y_type)

    def pool_sum(self, x):
        (window, out_hw), y_type = self.window(x), self.dtype()
        exact = y_type is DType.I32
        multipliers = None if exact else self.b.constant(self.multipliers(window.taps, 1.0))
        zeros = (self.zero(self.b.header(x).dtype), self.zero(y_type))
        return self.b.pool_sum(x, window, out_hw, multipliers, zeros=zeros, dtype=y_type)

    def lookup(self, x):
        dims = (256,) if self.below(2) else (self.b.dims(x)[-1], 256)
        return self.b.lookup(x, random_array(self.rng, TensorHeader(self.dtype(), dims)))

    def lookup2(self, x):
        other = self.constant(self.dtype(*BYTES), [dim if self.below(2) else 1 for dim in self.b.dims(x)])
        pair = (x, other) if self.below(2) else (other, x)
        return self.b.lookup2(*pair, random_array(self.rng, TensorHeader(self.dtype(), (65536,))))

    def max_pool(self, x):
        return self.b.max_pool(x, *self.window(x))

    def arg_max(self, x):
        return self.b.arg_max(x, *self.window(x))

    def view(self, x):
        dims, perm = self.b.dims(x), [int(axis) for axis in self.rng.permutation(4)]
        out = [min(5, dims[axis] + self.below(3)) for axis in perm]
        step = [self.below(4, -1) for _ in perm]
        start = [self.below(4, -2) for _ in perm]
        return self.b.view(x, out, perm=perm, start=start, step=step, fill=self.zero(self.b.header(x).dtype))

    def reshape(self, x):
        n, h, w, c = self.b.dims(x)
        return self.b.reshape(x, (n, w, h, c)) if h != w else self.b.reshape(x, (n, h * w, 1, c))

    def concat(self, x):
        axis, dims = self.below(4), list(self.b.dims(x))
        dims[axis] = self.below(3, 1)
        other = self.constant(self.b.header(x).dtype, dims)
        return self.b.concat((other, x, other), axis) if self.below(2) else self.b.concat((x, other), axis)

    def gather(self, x):
        axis = self.below(4)
        dim = self.b.dims(x)[axis]
        if self.below(2):
            indices = self.b.constant(self.rng.integers(-dim - 2, dim + 2, 3).astype(np.int32))
        else:
            indices = self.b.reshape(self.b.view(x, (1, 1, 1, 3), start=[0] * 4, step=[0, 0, 0, 0]), (3,))
        return self.b.gather(x, indices, axis)

    def arith(self, *pool):
        kind = ArithKind(self.below(len(ArithKind)))
        shifted = {ArithKind.MUL_SHIFT, ArithKind.DIV, ArithKind.DIV_ROUND, ArithKind.SQRT}
        shift = self.below(32) if kind in shifted else 0
        x, y_type = pool[self.below(len(pool))], self.dtype()
        if kind is ArithKind.REQUANTIZE:
            return self.b.requantize(x, 2.0 ** self.rng.uniform(-30, 1), self.zero(y_type), y_type)
        dims = [dim if self.below(2) else 1 for dim in self.b.dims(x)]
        others = [self.constant(self.dtype(), dims[self.below(4) :]) for _ in range(kind.operands - 1)]
        operands = (x, *others) if self.below(2) else (*others, x)
        return self.b.arith(kind, *operands, shift=shift, dtype=y_type)


OPERATORS = (
    "conv",
    "matmul",
    "pool_sum",
    "lookup",
    "lookup2",
    "max_pool",
    "arg_max",
    "view",
    "reshape",
    "concat",
    "gather",
)


def random_program(seed, operators=None):
    """A program, and one array [*dims] for its input.

    Args:
        seed: Decides everything.
        operators: Names of methods of RandomSteps, one step each; by default one to four random ones.
    """
    rng = np.random.default_rng(seed)
    builder = ProgramBuilder()
    steps = RandomSteps(rng, builder)
    header = TensorHeader(steps.dtype(*BYTES), (steps.below(3, 1), *(steps.below(8, 1) for _ in range(3))))
    first = builder.input(header, "x")
    pool = [first]
    for operator in operators or [("arith", *OPERATORS)[steps.below(12)] for _ in range(steps.below(5, 1))]:
        images = [ref for ref in pool if len(builder.dims(ref)) == 4 and builder.header(ref).size <= PLACES]
        narrow = [ref for ref in images if builder.header(ref).dtype is not DType.I32]
        chosen = narrow[-1] if steps.below(3) else narrow[steps.below(len(narrow))]
        pool.append(getattr(steps, operator)(*images) if operator == "arith" else getattr(steps, operator)(chosen))
    # Of the steps before, those stay that this one needs.
    return builder.build(pool[-1]), random_array(rng, header)
