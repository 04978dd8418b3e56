// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {ITraceDemands} from "../interfaces/ITraceDemands.sol";
import {Demand} from "../types/DemandTypes.sol";
import {TensorTreeLib} from "./TensorTreeLib.sol";

/// @title Where a demand may be made, at which level it is, and what is shown for it. `tallystick/dispute/levels.py` says the same.
/// @dev   Heights at which anybody asks are whole steps of 7 below a tree's root, down to the first at which everything below is
///        shown at once. So two who look for the same thing ask in the same words, whatever each of them knows.
library DemandLib {
    /// @notice What is shown of a node: `count` used nodes of the height `low`, or so many leaves.
    struct Span {
        uint256 low;
        uint256 count;
        bool isData;
    }

    /// @notice The clock allows for so many levels: lists of 2,048 tensors, and tensors of 256 MiB.
    uint256 internal constant LEVELS = 4;
    uint256 private constant CHILD_LEVELS = 7;
    /// @dev At most 64 leaves, 16 KiB.
    uint256 private constant RUN_LEVELS = 6;
    /// @dev At most 2,048 roots, 64 KiB: half of what nodes pass on in one transaction.
    uint256 private constant ROOT_LEVELS = 11;

    /// @notice Whether a tensor's root is the node: what is below is not known yet, not even how many leaves.
    function isRoot(Demand calldata asked) internal pure returns (bool) {
        return !asked.ofList && asked.count == 0;
    }

    /// @notice The level of a demand in a list of `tensors`. Reverts with BadDemand where nobody asks.
    function levelOf(Demand calldata asked, uint256 tensors) internal pure returns (uint256 level) {
        bool isPlace;
        if (asked.ofList) {
            isPlace = tensors > 1 && asked.tensor == 0 && asked.count == tensors;
            if (isPlace) (level, isPlace) = _stepOf(asked, ROOT_LEVELS);
        } else {
            isPlace = asked.tensor < tensors;
            level = tensors > 1 ? _stepsOf(depthOf(tensors), ROOT_LEVELS) : 0;
            if (isRoot(asked)) {
                isPlace = isPlace && asked.height == 0 && asked.index == 0;
            } else if (isPlace) {
                uint256 step;
                (step, isPlace) = _stepOf(asked, RUN_LEVELS);
                // The root of a tree is shown under the tensor's root, and asked for there.
                isPlace = isPlace && step > 0;
                level += step;
            }
        }
        if (!isPlace || level >= LEVELS) revert ITraceDemands.TraceDemands_BadDemand();
    }

    /// @notice What is shown of the demanded node; of a tensor's root, at most.
    function spanOf(Demand calldata asked) internal pure returns (Span memory) {
        if (isRoot(asked)) return Span(0, 1 << RUN_LEVELS, true);
        if (asked.count == 0 || asked.index > uint256(asked.count - 1) >> asked.height) {
            revert ITraceDemands.TraceDemands_BadDemand();
        }
        return spanAt(asked.count, asked.height, asked.index, asked.ofList);
    }

    /// @notice What is shown of a node that is in use, in a tree over `count`.
    function spanAt(uint256 count, uint256 height, uint256 index, bool ofList)
        internal
        pure
        returns (Span memory span)
    {
        uint256 atOnce = ofList ? ROOT_LEVELS : RUN_LEVELS;
        span.isData = !ofList && height <= atOnce;
        span.low = height <= atOnce ? 0 : height - CHILD_LEVELS;
        uint256 width = height - span.low;
        // Nodes of the height `low`, of which at least the one on the far left is below this one.
        uint256 used = ((count - 1) >> span.low) + 1;
        span.count = Math.min(1 << width, used - (index << width));
    }

    /// @notice Levels of a tree over `count`.
    function depthOf(uint256 count) internal pure returns (uint256) {
        return count > 1 ? Math.log2(count - 1) + 1 : 0;
    }

    /// @notice Bytes of what is shown.
    function bytesOf(Span memory span) internal pure returns (uint256) {
        return span.count * (span.isData ? TensorTreeLib.LEAF_BYTES : 32);
    }

    /// @dev How many steps of 7 below its tree's root a node is, if it is so many exactly, in use, and above it not everything was
    ///      shown at once.
    function _stepOf(Demand calldata asked, uint256 atOnce) private pure returns (uint256 step, bool isPlace) {
        uint256 depth = depthOf(asked.count);
        if (asked.height > depth || asked.index > uint256(asked.count - 1) >> asked.height) return (0, false);
        uint256 below = depth - asked.height;
        step = below / CHILD_LEVELS;
        isPlace = below % CHILD_LEVELS == 0 && step < _stepsOf(depth, atOnce);
    }

    function _stepsOf(uint256 depth, uint256 atOnce) private pure returns (uint256) {
        return depth > atOnce ? 1 + Math.ceilDiv(depth - atOnce, CHILD_LEVELS) : 1;
    }
}
