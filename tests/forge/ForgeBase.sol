// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Vm} from "./Vm.sol";

/// @notice What tests and handlers both need: the cheatcodes, and random numbers brought into a range.
abstract contract ForgeBase {
    /// @dev Where forge answers: the last 20 bytes of `keccak256("hevm cheat code")`.
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    error ForgeBase_EmptyRange(uint256 least, uint256 most);

    /// @notice Brings a random number into `least..most`.
    /// @dev What is inside already stays, so that a sequence reads as it was played. The largest numbers, which forge
    /// likes to try, become the largest of the range, and small ones the smallest: the edges are met often.
    function bound(uint256 number, uint256 least, uint256 most) internal pure returns (uint256) {
        if (least > most) revert ForgeBase_EmptyRange(least, most);
        if (number >= least && number <= most) return number;

        uint256 fromTop = type(uint256).max - number;
        if (fromTop < 4 && fromTop <= most - least) return most - fromTop;

        // The range is not all numbers, or `number` would be inside, so its size does not overflow.
        return least + (number % (most - least + 1));
    }
}
