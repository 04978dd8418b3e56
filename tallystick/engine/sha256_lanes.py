"""SHA-256 of many messages side by side, as LLVM instructions: what one stream cannot do, because it waits for itself.

Every message here is `domain byte | size bytes`, size a multiple of 64, and the messages lie one behind the other. So all
blocks but the last come from loads that start one byte early, and the last is one byte of the message and padding.

Two ways give the same digests. SHA_NI interleaves two messages over x86's SHA instructions: each waits four cycles for its
own rounds and the other's fit between. VECTOR puts eight messages into the lanes of ordinary vectors, on any processor.
"""

# numba hands an intrinsic its arguments' types by place, and calls what is compiled by place: hence the two exceptions.
# ruff: noqa: ARG001, PLR0917
# llvmlite has no types, and what numba compiles has none that mypy could read.
# mypy: disable-error-code="import-untyped, no-untyped-def, no-untyped-call, call-arg"

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeAlias

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

BLOCK_BYTES = 64
_PRIMES = [n for n in range(2, 312) if all(n % p for p in range(2, math.isqrt(n) + 1))]
_MASK = 0xFFFFFFFF


def _cube_root_bits(prime: int) -> int:
    """The first 32 bits of the fraction of a cube root, exactly (FIPS 180-4, 4.2.2)."""
    low, high = 0, 1 << 36
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= prime << 96 else (low, middle)
    return low & _MASK


ROUND_CONSTANTS = [_cube_root_bits(prime) for prime in _PRIMES]
INITIAL_STATE = [math.isqrt(prime << 64) & _MASK for prime in _PRIMES[:8]]

_I8, _I32, _I64 = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_QUAD, _BYTES = ir.VectorType(_I32, 4), ir.VectorType(_I8, 16)
_WIDTH = 8
_WIDE = ir.VectorType(_I32, _WIDTH)
_SWAP = [place ^ 3 for place in range(16)]

Quads: TypeAlias = tuple[ir.Value, ir.Value]
"""A state as the SHA instructions take it: words F E B A and words H G D C, lowest first."""


def _constant(values: list[int], element: ir.Type = _I32) -> ir.Constant:
    return ir.Constant(ir.VectorType(element, len(values)), [ir.Constant(element, value) for value in values])


def _shuffle(b: ir.IRBuilder, low: ir.Value, high: ir.Value | None, places: list[int]) -> ir.Value:
    return b.shuffle_vector(low, ir.Constant(low.type, ir.Undefined) if high is None else high, _constant(places))


def _call(b: ir.IRBuilder, name: str, *arguments: ir.Value) -> ir.Value:
    signature = ir.FunctionType(arguments[0].type, [argument.type for argument in arguments])
    return b.call(cgutils.get_or_insert_function(b.module, signature, name), arguments)


def _pointer(b: ir.IRBuilder, address: ir.Value, offset: int, kind: ir.Type) -> ir.Value:
    return b.inttoptr(b.add(address, _I64(offset)), kind.as_pointer())


def _load(b: ir.IRBuilder, address: ir.Value, offset: int, kind: ir.Type) -> ir.Value:
    return b.load(_pointer(b, address, offset, kind), align=1)


def _store(b: ir.IRBuilder, value: ir.Value, address: ir.Value, offset: int) -> None:
    b.store(value, _pointer(b, address, offset, value.type), align=1)


def _swap_words(b: ir.IRBuilder, quad: ir.Value) -> ir.Value:
    return _shuffle(b, b.bitcast(quad, _BYTES), None, _SWAP)


def _quad_rounds(b: ir.IRBuilder, states: list[Quads], words: Callable[[int, int], ir.Value]) -> list[Quads]:
    """64 rounds of every stream; `words(stream, group)` gives four message words with their round constants."""
    now = [list(state) for state in states]
    for group in range(16):
        four = [words(stream, group) for stream in range(len(now))]
        for state, quad in zip(now, four, strict=True):
            state[1] = _call(b, "llvm.x86.sha256rnds2", state[1], state[0], quad)
        for state, quad in zip(now, four, strict=True):
            state[0] = _call(b, "llvm.x86.sha256rnds2", state[0], state[1], _shuffle(b, quad, None, [2, 3, 0, 0]))
    return [(b.add(a[0], z[0]), b.add(a[1], z[1])) for a, z in zip(now, states, strict=True)]


def _quad_schedule(b: ir.IRBuilder, blocks: list[list[ir.Value]]) -> Callable[[int, int], ir.Value]:
    def words(stream: int, group: int) -> ir.Value:
        w = blocks[stream]
        if group >= 4:
            part = _call(b, "llvm.x86.sha256msg1", w[group - 4], w[group - 3])
            part = b.add(part, _shuffle(b, w[group - 2], w[group - 1], [1, 2, 3, 4]))
            w.append(_call(b, "llvm.x86.sha256msg2", part, w[group - 1]))
        return b.add(w[group], _constant(ROUND_CONSTANTS[4 * group : 4 * group + 4]))

    return words


def _quad_block(b: ir.IRBuilder, source: ir.Value, domain: ir.Value | None) -> list[ir.Value]:
    """A block's 16 words: the 64 bytes from one before `source`, of which `domain`, if given, stands for the first."""
    raw = [_load(b, source, 16 * part - 1, _BYTES) for part in range(1, 4)]
    if domain is None:
        raw.insert(0, _load(b, source, -1, _BYTES))
    else:
        first = b.insert_element(_constant([0] * 16, _I8), b.trunc(domain, _I8), _I32(0))
        raw.insert(0, _shuffle(b, first, _load(b, source, 0, _BYTES), [0, *range(16, 31)]))
    return [b.bitcast(_swap_words(b, part), _QUAD) for part in raw]


def _sha_ni_group(b: ir.IRBuilder, arguments: list[ir.Value], sources: list[ir.Value], targets: list[ir.Value]) -> None:
    domain, size, table = arguments[:3]
    h = INITIAL_STATE
    start = (_constant([h[5], h[4], h[1], h[0]]), _constant([h[7], h[6], h[3], h[2]]))
    states = _quad_rounds(b, [start] * 2, _quad_schedule(b, [_quad_block(b, source, domain) for source in sources]))
    slots = [[cgutils.alloca_once_value(b, half) for half in state] for state in states]
    with cgutils.for_range_slice(b, _I64(BLOCK_BYTES), size, _I64(BLOCK_BYTES)) as (at, _):
        blocks = [_quad_block(b, b.add(source, at), None) for source in sources]
        states = [(b.load(slot[0]), b.load(slot[1])) for slot in slots]
        for slot, state in zip(slots, _quad_rounds(b, states, _quad_schedule(b, blocks)), strict=True):
            b.store(state[0], slot[0])
            b.store(state[1], slot[1])
    last = [b.zext(_load(b, b.add(source, size), -1, _I8), _I64) for source in sources]
    rows = [b.add(table, b.mul(byte, _I64(256))) for byte in last]
    states = [(b.load(slot[0]), b.load(slot[1])) for slot in slots]
    states = _quad_rounds(b, states, lambda stream, group: _load(b, rows[stream], 16 * group, _QUAD))
    for (feba, hgdc), target in zip(states, targets, strict=True):
        _store(b, _swap_words(b, _shuffle(b, feba, hgdc, [3, 2, 7, 6])), target, 0)
        _store(b, _swap_words(b, _shuffle(b, feba, hgdc, [1, 0, 5, 4])), target, 16)


def _splat(value: int) -> ir.Constant:
    return _constant([value] * _WIDTH)


def _spread(b: ir.IRBuilder, value: ir.Value) -> ir.Value:
    word = b.trunc(value, _I32)
    return functools.reduce(lambda v, lane: b.insert_element(v, word, _I32(lane)), range(_WIDTH), _splat(0))


def _xor_rotations(b: ir.IRBuilder, x: ir.Value, one: int, two: int, three: int, *, shift: bool = False) -> ir.Value:
    """The Sigma functions of FIPS 180-4; with `shift` the third term is shifted, as in the message schedule."""
    a, z = (_call(b, f"llvm.fshr.v{_WIDTH}i32", x, x, _splat(amount)) for amount in (one, two))
    last = b.lshr(x, _splat(three)) if shift else _call(b, f"llvm.fshr.v{_WIDTH}i32", x, x, _splat(three))
    return b.xor(b.xor(a, z), last)


def _sum(b: ir.IRBuilder, first: ir.Value, *others: ir.Value) -> ir.Value:
    return functools.reduce(b.add, others, first)


def _wide_rounds(b: ir.IRBuilder, state: list[ir.Value], words: list[ir.Value]) -> list[ir.Value]:
    w = list(words)
    a, bb, c, d, e, f, g, h = state
    for t, constant in enumerate(ROUND_CONSTANTS):
        if t >= 16:
            early, late = (
                _xor_rotations(b, w[t - 15], 7, 18, 3, shift=True),
                _xor_rotations(b, w[t - 2], 17, 19, 10, shift=True),
            )
            w.append(_sum(b, w[t - 16], early, w[t - 7], late))
        choice = b.xor(g, b.and_(e, b.xor(f, g)))
        one = _sum(b, h, _xor_rotations(b, e, 6, 11, 25), choice, b.add(w[t], _splat(constant)))
        majority = b.or_(b.and_(a, bb), b.and_(c, b.or_(a, bb)))
        two = b.add(_xor_rotations(b, a, 2, 13, 22), majority)
        a, bb, c, d, e, f, g, h = b.add(one, two), a, bb, c, b.add(d, one), e, f, g
    return [b.add(x, y) for x, y in zip((a, bb, c, d, e, f, g, h), state, strict=True)]


def _gather(b: ir.IRBuilder, addresses: list[ir.Value], offset: int) -> ir.Value:
    word = ir.Constant(_WIDE, ir.Undefined)
    for lane, address in enumerate(addresses):
        word = b.insert_element(word, _load(b, address, offset, _I32), _I32(lane))
    return _call(b, f"llvm.bswap.v{_WIDTH}i32", word)


def _vector_group(b: ir.IRBuilder, arguments: list[ir.Value], sources: list[ir.Value], targets: list[ir.Value]) -> None:
    domain, size = arguments[:2]
    slots = [cgutils.alloca_once_value(b, _splat(word)) for word in INITIAL_STATE]
    prefix = _spread(b, b.shl(domain, _I64(24)))
    with cgutils.for_range_slice(b, _I64(0), size, _I64(BLOCK_BYTES)) as (at, _):
        is_first = b.icmp_unsigned("==", at, _I64(0))
        early = b.select(is_first, at, b.sub(at, _I64(1)))
        first = _gather(b, [b.add(source, early) for source in sources], 0)
        first = b.select(is_first, b.or_(b.lshr(first, _splat(8)), prefix), first)
        here = [b.add(source, at) for source in sources]
        block = [first, *(_gather(b, here, 4 * word - 1) for word in range(1, 16))]
        for slot, word in zip(slots, _wide_rounds(b, [b.load(slot) for slot in slots], block), strict=True):
            b.store(word, slot)
    last = b.shl(_gather(b, [b.add(source, size) for source in sources], -4), _splat(24))
    length = _spread(b, b.mul(b.add(size, _I64(1)), _I64(8)))
    block = [b.or_(last, _splat(0x800000)), *[_splat(0)] * 14, length]
    for place, word in enumerate(_wide_rounds(b, [b.load(slot) for slot in slots], block)):
        swapped = _call(b, f"llvm.bswap.v{_WIDTH}i32", word)
        for lane, target in enumerate(targets):
            _store(b, b.extract_element(swapped, _I32(lane)), target, 4 * place)


_MANY = types.void(*[types.int64] * 6)
"""domain, size, address of the last blocks' table, of the messages, of the digests, number of messages."""


def _over_groups(width: int, group: Callable[..., None]) -> Callable[..., object]:
    """All messages, `width` at a time; where they run out, lanes repeat the last one."""

    def generate(context: Any, b: ir.IRBuilder, _signature: object, arguments: list[ir.Value]) -> ir.Value:
        _domain, size, _table, source, target, count = arguments
        last = b.sub(count, _I64(1))
        with cgutils.for_range_slice(b, _I64(0), count, _I64(width)) as (at, _):
            places = [b.add(at, _I64(lane)) for lane in range(width)]
            places = [b.select(b.icmp_signed("<", place, last), place, last) for place in places]
            sources = [b.add(source, b.mul(place, size)) for place in places]
            group(b, arguments, sources, [b.add(target, b.mul(place, _I64(32))) for place in places])
        return context.get_dummy_value()

    return generate


@intrinsic
def _hash_sha_ni(typing, domain, size, table, source, target, count):
    return _MANY, _over_groups(2, _sha_ni_group)


@intrinsic
def _hash_vector(typing, domain, size, table, source, target, count):
    return _MANY, _over_groups(_WIDTH, _vector_group)


def _sha_ni(domain, size, table, source, target, count):
    _hash_sha_ni(domain, size, table, source, target, count)


def _vector(domain, size, table, source, target, count):
    _hash_vector(domain, size, table, source, target, count)


class Lanes(Enum):
    """How many messages are hashed at once, and by which instructions."""

    SHA_NI = "sha-ni"
    VECTOR = "vector"


def available_lanes() -> tuple[Lanes, ...]:
    """Those that this processor can run, fastest first. LLVM ends the process over an instruction it was not given."""
    features = str(cpu_target.target_context.codegen().magic_tuple()[2]).split(",")
    return (Lanes.SHA_NI, Lanes.VECTOR) if "+sha" in features else (Lanes.VECTOR,)


def kept(compiler: Callable[..., Any], function: Callable[..., Any], *signature: Any, **options: bool) -> Any:
    """`function` as machine code that stays on disk; where no folder can be written, compiled in every process."""
    try:
        return compiler(*signature, cache=True, **options)(function)
    except RuntimeError:
        return compiler(*signature, **options)(function)


@functools.cache
def code_address(lanes: Lanes) -> int:
    """Where the machine code lies; compiled, or read from numba's cache, the first time."""
    compiled = kept(numba.cfunc, _sha_ni if lanes is Lanes.SHA_NI else _vector, _MANY)
    _ALIVE.append(compiled)
    return int(compiled.address)


_ALIVE: list[object] = []
"""Compiled code lives as long as its object."""


@functools.cache
def last_blocks(size: int) -> np.ndarray[tuple[int, int], np.dtype[np.uint32]]:
    """uint32 [256, 64]: schedule plus round constants of the last block, by the message's last byte (`size` bytes and a domain).

    That block is otherwise constant, so a table spares SHA_NI the schedule of one block in two of a node.
    """

    def rotated(x: np.ndarray[Any, Any], by: int) -> np.ndarray[Any, Any]:
        return (x >> by) | (x << (32 - by))

    words = np.zeros((64, 256), np.uint32)
    words[0] = (np.arange(256, dtype=np.uint32) << 24) | 0x800000
    words[15] = (size + 1) * 8
    for t in range(16, 64):
        early, late = words[t - 15], words[t - 2]
        words[t] = words[t - 16] + (rotated(early, 7) ^ rotated(early, 18) ^ (early >> 3)) + words[t - 7]
        words[t] += rotated(late, 17) ^ rotated(late, 19) ^ (late >> 10)
    return np.ascontiguousarray((words + np.array(ROUND_CONSTANTS, np.uint32)[:, None]).T)
