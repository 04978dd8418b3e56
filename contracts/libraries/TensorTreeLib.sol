// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  SHA-256 trees over tensors, and over lists of roots, as `tallystick/engine/fold.py` has them.
/// @notice leaf = H(00 | 256 bytes), node = H(01 | left | right), tensor = H(02 | header | tree's root). A tree over n items has
///         as many levels as n - 1 has bits; slots without an item are zero words. In a tree over roots these are the bottom.
/// @dev    Everything is read where it lies in calldata, at absolute offsets, and goes through memory once. Nobody here looks
///         where the witness ends: bytes behind it are its bringer's as well, and whoever calls compares the end once.
///         `view` only because inline assembly calls the precompile.
library TensorTreeLib {
    uint256 internal constant LEAF_BYTES = 256;

    uint256 private constant LEAF = 0x00;
    uint256 private constant NODE = 0x01;
    uint256 private constant TENSOR = 0x02;

    /// @notice H(domain | `length` bytes of calldata from `offset` on).
    function hash(uint256 domain, uint256 offset, uint256 length) internal view returns (bytes32 digest) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, domain)
            calldatacopy(add(free, 1), offset, length)
            // A precompile fails for want of gas alone; whoever arranged that must not get an old word for a hash.
            if iszero(staticcall(gas(), 2, free, add(length, 1), 0, 0x20)) { revert(0, 0) }
            digest := mload(0)
        }
    }

    /// @notice The hash of one whole leaf.
    function leaf(uint256 offset) internal view returns (bytes32) {
        return hash(LEAF, offset, LEAF_BYTES);
    }

    /// @notice The root of a tensor whose header lies in calldata.
    function tensorRoot(uint256 headerAt, uint256 headerLength, bytes32 treeRoot) internal view returns (bytes32 digest) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, TENSOR)
            calldatacopy(add(free, 1), headerAt, headerLength)
            mstore(add(add(free, 1), headerLength), treeRoot)
            if iszero(staticcall(gas(), 2, free, add(headerLength, 33), 0, 0x20)) { revert(0, 0) }
            digest := mload(0)
        }
    }

    /// @notice The root over `count` items, of which `item` is the `index`-th.
    /// @param  offset   Where the siblings lie, from the item upwards.
    /// @return root The root.
    /// @return next Behind the last sibling.
    function climb(bytes32 item, uint256 index, uint256 count, uint256 offset)
        internal
        view
        returns (bytes32 root, uint256 next)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, NODE)
            let left := add(free, 1)
            let right := add(free, 33)
            for { let last := sub(count, 1) } last { last := shr(1, last) } {
                switch and(index, 1)
                case 0 {
                    mstore(left, item)
                    calldatacopy(right, offset, 0x20)
                }
                default {
                    calldatacopy(left, offset, 0x20)
                    mstore(right, item)
                }
                if iszero(staticcall(gas(), 2, free, 65, 0, 0x20)) { revert(0, 0) }
                item := mload(0)
                index := shr(1, index)
                offset := add(offset, 0x20)
            }
            root := item
            next := offset
        }
    }

    /// @notice As `climb` for the last of `count` items, and whether every slot behind it is empty: right of its way up lie
    ///         exactly the subtrees in which nothing is.
    function climbLast(bytes32 item, uint256 count, uint256 offset)
        internal
        view
        returns (bytes32 root, uint256 next, bool isPadded)
    {
        (root, next) = climb(item, count - 1, count, offset);
        bytes32 empty = bytes32(0);
        isPadded = true;
        for (uint256 last = count - 1; last > 0; last >>= 1) {
            if (last & 1 == 0 && word(offset) != empty) isPadded = false;
            empty = node(empty, empty);
            offset += 32;
        }
    }

    /// @notice The root over `count` items, of which some are known.
    /// @dev    At each level from the left: two neighbours that are both known are hashed together; whoever has none takes the
    ///         next word in calldata for it. So a neighbour that several items share is brought once.
    /// @param  nodes Where in memory the known items are: pairs (index, hash) of 64 bytes, by index, none twice. Overwritten.
    /// @param  known How many, at least one.
    function fold(uint256 nodes, uint256 known, uint256 count, uint256 offset)
        internal
        view
        returns (bytes32 root, uint256 next)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, NODE)
            let left := add(free, 1)
            let right := add(free, 33)
            let end := add(nodes, shl(6, known))
            for { let last := sub(count, 1) } last { last := shr(1, last) } {
                let write := nodes
                for { let read := nodes } lt(read, end) {} {
                    let index := mload(read)
                    let digest := mload(add(read, 0x20))
                    read := add(read, 0x40)
                    switch and(index, 1)
                    case 0 {
                        mstore(left, digest)
                        switch and(lt(read, end), eq(mload(read), add(index, 1)))
                        case 0 {
                            calldatacopy(right, offset, 0x20)
                            offset := add(offset, 0x20)
                        }
                        default {
                            mstore(right, mload(add(read, 0x20)))
                            read := add(read, 0x40)
                        }
                    }
                    default {
                        calldatacopy(left, offset, 0x20)
                        offset := add(offset, 0x20)
                        mstore(right, digest)
                    }
                    mstore(write, shr(1, index))
                    if iszero(staticcall(gas(), 2, free, 65, add(write, 0x20), 0x20)) { revert(0, 0) }
                    write := add(write, 0x40)
                }
                end := write
            }
            root := mload(add(nodes, 0x20))
            next := offset
        }
    }

    /// @notice Hashes `count` leaves that lie one behind the other.
    /// @param  nodes Where to write pairs (index, hash), the first with the index `first`.
    function leaves(uint256 nodes, uint256 first, uint256 count, uint256 offset) internal view {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, LEAF)
            for { let end := add(first, count) } lt(first, end) { first := add(first, 1) } {
                calldatacopy(add(free, 1), offset, LEAF_BYTES)
                mstore(nodes, first)
                if iszero(staticcall(gas(), 2, free, 257, add(nodes, 0x20), 0x20)) { revert(0, 0) }
                nodes := add(nodes, 0x40)
                offset := add(offset, LEAF_BYTES)
            }
        }
    }

    function node(bytes32 left, bytes32 right) internal view returns (bytes32 digest) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, NODE)
            mstore(add(free, 1), left)
            mstore(add(free, 33), right)
            if iszero(staticcall(gas(), 2, free, 65, 0, 0x20)) { revert(0, 0) }
            digest := mload(0)
        }
    }

    /// @notice Memory for `count` pairs (index, hash).
    function room(uint256 count) internal pure returns (uint256 nodes) {
        assembly ("memory-safe") {
            nodes := mload(0x40)
            mstore(0x40, add(nodes, shl(6, count)))
        }
    }

    function word(uint256 offset) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(offset)
        }
    }
}
