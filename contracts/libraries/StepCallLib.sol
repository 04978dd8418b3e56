// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepChecker} from "../interfaces/IStepChecker.sol";

/// @title Encodes `IStepChecker.element` from slices of calldata: the witness goes through memory once.
library StepCallLib {
    /// @dev Bytes of calldata. Of length zero: nothing was shown.
    struct Slice {
        uint256 offset;
        uint256 length;
    }

    uint256 private constant HEAD_BYTES = 0x80;

    /// @dev Absent on purpose: zeros behind what does not fill its last word. Nobody reads them.
    function encode(Slice memory step, Slice[] memory headers, Slice[] memory openings, uint256 index)
        internal
        pure
        returns (bytes memory encoded)
    {
        unchecked {
            bytes4 selector = IStepChecker.element.selector;
            uint256 start;
            assembly ("memory-safe") {
                encoded := mload(0x40)
                mstore(add(encoded, 0x20), selector)
                start := add(encoded, 0x24)
                mstore(add(start, 0x60), index)
            }
            uint256 offset = _put(start, 0x00, start + HEAD_BYTES, start);
            offset = _bytes(offset, step);
            _put(start, 0x20, offset, start);
            offset = _array(offset, headers);
            _put(start, 0x40, offset, start);
            offset = _array(offset, openings);
            assembly ("memory-safe") {
                mstore(encoded, sub(sub(offset, encoded), 0x20))
                mstore(0x40, and(add(offset, 0x1f), not(0x1f)))
            }
        }
    }

    /// @dev Writes at `to + place` how far `target` is from `base`.
    function _put(uint256 to, uint256 place, uint256 target, uint256 base) private pure returns (uint256) {
        assembly ("memory-safe") {
            mstore(add(to, place), sub(target, base))
        }
        return target;
    }

    function _bytes(uint256 to, Slice memory slice) private pure returns (uint256 next) {
        (uint256 offset, uint256 length) = (slice.offset, slice.length);
        assembly ("memory-safe") {
            mstore(to, length)
            calldatacopy(add(to, 0x20), offset, length)
            next := add(add(to, 0x20), and(add(length, 0x1f), not(0x1f)))
        }
    }

    function _array(uint256 to, Slice[] memory slices) private pure returns (uint256 offset) {
        unchecked {
            uint256 count = slices.length;
            uint256 base = to + 0x20;
            offset = base + 0x20 * count;
            assembly ("memory-safe") {
                mstore(to, count)
            }
            for (uint256 i = 0; i < count; ++i) {
                _put(base, 0x20 * i, offset, base);
                offset = _bytes(offset, slices[i]);
            }
        }
    }
}
