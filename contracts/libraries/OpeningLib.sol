// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepChecker} from "../interfaces/IStepChecker.sol";
import {Opened, TensorHeader} from "../types/StepTypes.sol";
import {HeaderLib} from "./HeaderLib.sol";

/// @title  Reading elements out of the openings of one operand.
/// @notice `u32 first leaf | u16 leaves | 256 bytes each`, one opening behind the other, in the order of their leaves. What is
///         read of an operand ascends as well, so one pass over the openings finds everything, and the time that this
///         takes is bounded by what is shown.
library OpeningLib {
    uint256 internal constant LEAF_BYTES = 256;

    uint256 private constant PREFIX_BYTES = 6;

    /// @notice The operand `place`, before its first opening.
    function open(bytes[] calldata openings, uint256 place) internal pure returns (Opened memory opened) {
        bytes calldata packed = openings[place];
        uint256 next;
        assembly ("memory-safe") {
            next := packed.offset
        }
        opened.operand = place;
        opened.next = next;
        opened.stop = next + packed.length;
    }

    /// @notice Where in calldata `count` bytes of the tensor, from `first` on, stand. Reverts with Missing where no single
    ///         opening has them all.
    /// @param  count At least 1.
    function locate(Opened memory opened, uint256 first, uint256 count) internal pure returns (uint256) {
        unchecked {
            // Before the opening it is a large number, and outside as well.
            uint256 gap = first - opened.first;
            while (gap >= opened.size || count > opened.size - gap) {
                _advance(opened, first);
                gap = first - opened.first;
            }
            return opened.data + gap;
        }
    }

    /// @notice The element `index` of the tensor.
    function value(Opened memory opened, TensorHeader memory header, uint256 index) internal pure returns (int256) {
        unchecked {
            uint256 dtype = header.dtype;
            if (dtype == HeaderLib.I32) return int256(_word(opened, index << 2)) >> 224;
            uint256 word = _word(opened, index);
            return dtype == HeaderLib.I8 ? int256(word) >> 248 : int256(word >> 248);
        }
    }

    /// @notice An 8-bit element as the byte that it is stored as.
    function byteAt(Opened memory opened, uint256 index) internal pure returns (uint256) {
        return _word(opened, index) >> 248;
    }

    /// @dev The word that begins with an element. No element lies across two leaves, so its first byte says where it is.
    function _word(Opened memory opened, uint256 first) private pure returns (uint256 word) {
        unchecked {
            uint256 gap = first - opened.first;
            while (gap >= opened.size) {
                _advance(opened, first);
                gap = first - opened.first;
            }
            uint256 place = opened.data + gap;
            assembly ("memory-safe") {
                word := calldataload(place)
            }
        }
    }

    /// @dev To the next opening. Reverts with Missing where there is none.
    function _advance(Opened memory opened, uint256 wanted) private pure {
        unchecked {
            uint256 place = opened.next;
            uint256 prefix;
            assembly ("memory-safe") {
                prefix := shr(208, calldataload(place))
            }
            uint256 size = (prefix & 0xffff) * LEAF_BYTES;
            uint256 next = place + PREFIX_BYTES + size;
            // Behind the last opening, or one that ends before its leaves do.
            if (next > opened.stop) revert IStepChecker.StepChecker_Missing(opened.operand, wanted);
            opened.first = (prefix >> 16) * LEAF_BYTES;
            opened.size = size;
            opened.data = place + PREFIX_BYTES;
            opened.next = next;
        }
    }
}
