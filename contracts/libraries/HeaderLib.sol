// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IStepChecker} from "../interfaces/IStepChecker.sol";
import {TensorHeader} from "../types/StepTypes.sol";

/// @title  Dtype and dims of tensors.
/// @notice `dtype u8 | rank u8 | dims u32 each | elements u64`, big-endian: `tallystick/engine/headers.py`.
library HeaderLib {
    uint256 internal constant U8 = 1;
    uint256 internal constant I8 = 2;
    uint256 internal constant I32 = 3;

    uint256 internal constant MAX_RANK = 8;
    uint256 internal constant MAX_ELEMENTS = 1 << 30;

    uint256 private constant FIXED_BYTES = 10;
    uint256 private constant DIM_BITS = 32;
    uint256 private constant DIM_MASK = 0xffffffff;

    /// @notice Fills in the header that begins at `start`, and says where it ends. Reverts where there is none.
    /// @dev    Filled in and not given back, because Solidity makes zeros of what a function will give back.
    function read(TensorHeader memory header, bytes calldata data, uint256 start) internal pure returns (uint256 end) {
        // Behind the end of `data` anything may stand; nothing of it is looked at unless the header ends inside.
        unchecked {
            uint256 word;
            assembly ("memory-safe") {
                word := calldataload(add(data.offset, start))
            }
            uint256 dtype = word >> 248;
            uint256 rank = (word >> 240) & 0xff;
            end = start + FIXED_BYTES + 4 * rank;
            if (end > data.length || dtype - U8 > I32 - U8 || rank > MAX_RANK) {
                revert IStepChecker.StepChecker_Invalid();
            }
            uint256 dims;
            uint256 elements;
            assembly ("memory-safe") {
                // Whatever follows the last dim is shifted out; a shift by 256, for a scalar, gives 0.
                dims := shr(sub(256, shl(5, rank)), calldataload(add(data.offset, add(start, 2))))
                elements := shr(192, calldataload(sub(add(data.offset, end), 8)))
            }
            if (_product(dims, rank) != elements) revert IStepChecker.StepChecker_Invalid();
            header.dtype = dtype;
            header.rank = rank;
            header.dims = dims;
            header.elements = elements;
        }
    }

    /// @notice The header whose bytes are all of `data`. Reverts where it is none.
    function decode(bytes calldata data) internal pure returns (TensorHeader memory header) {
        if (read(header, data, 0) != data.length) revert IStepChecker.StepChecker_Invalid();
    }

    /// @notice The headers of all operands. Reverts where one is none, and with Missing where one is not shown.
    function decodeAll(bytes[] calldata data) internal pure returns (TensorHeader[] memory headers) {
        uint256 count = data.length;
        assembly ("memory-safe") {
            // Not by `new`, which would make a header of zeros for each one first.
            headers := mload(0x40)
            mstore(headers, count)
            mstore(0x40, add(headers, shl(5, add(count, 1))))
        }
        for (uint256 k = 0; k < count; ++k) {
            bytes calldata each = data[k];
            if (each.length == 0) revert IStepChecker.StepChecker_Missing(k, 0);
            headers[k] = decode(each);
        }
    }

    // ---- dims ----------------------------------------------------------------------------------------------------

    /// @notice A dim counted from the last, which is 0; 0 where there are not so many.
    function fromEnd(TensorHeader memory header, uint256 place) internal pure returns (uint256) {
        return (header.dims >> (place * DIM_BITS)) & DIM_MASK;
    }

    /// @notice The dims before the last `count`, in the same packing.
    function leading(TensorHeader memory header, uint256 count) internal pure returns (uint256) {
        return header.dims >> (count * DIM_BITS);
    }

    /// @notice The last `count` dims, in the same packing.
    function trailing(TensorHeader memory header, uint256 count) internal pure returns (uint256) {
        return header.dims & ((1 << (count * DIM_BITS)) - 1);
    }

    /// @notice The product of the last `count` dims.
    function inner(TensorHeader memory header, uint256 count) internal pure returns (uint256) {
        return _product(header.dims, count);
    }

    /// @notice `more`, of `count` dims, behind `dims`.
    function joined(uint256 dims, uint256 more, uint256 count) internal pure returns (uint256) {
        return (dims << (count * DIM_BITS)) | more;
    }

    /// @dev Stops at the bound, so that nothing overflows. No tensor has a dim of 0.
    function _product(uint256 dims, uint256 count) private pure returns (uint256 product) {
        product = 1;
        unchecked {
            for (; count > 0; --count) {
                product *= dims & DIM_MASK;
                if (product - 1 >= MAX_ELEMENTS) revert IStepChecker.StepChecker_Invalid();
                dims >>= DIM_BITS;
            }
        }
    }

    // ---- dtypes --------------------------------------------------------------------------------------------------

    function isByte(TensorHeader memory header) internal pure returns (bool) {
        return header.dtype != I32;
    }

    function isSigned(TensorHeader memory header) internal pure returns (bool) {
        return header.dtype != U8;
    }

    function low(uint256 dtype) internal pure returns (int256) {
        return dtype == U8 ? int256(0) : dtype == I8 ? int256(-128) : int256(-(2 ** 31));
    }

    function high(uint256 dtype) internal pure returns (int256) {
        return dtype == U8 ? int256(255) : dtype == I8 ? int256(127) : int256(2 ** 31 - 1);
    }

    /// @notice Whether the dtype has `value`.
    function holds(TensorHeader memory header, int256 value) internal pure returns (bool) {
        return low(header.dtype) <= value && value <= high(header.dtype);
    }

    /// @notice `value` brought into the range of the dtype.
    function saturate(int256 value, uint256 dtype) internal pure returns (int256) {
        int256 least = low(dtype);
        int256 most = high(dtype);
        return value < least ? least : value > most ? most : value;
    }
}
