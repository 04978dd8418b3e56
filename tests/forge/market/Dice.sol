// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice One random number of a handler's, thrown as often as it needs choices.
struct Dice {
    uint256 seed;
}

using {roll, between, chance} for Dice global;

/// @notice 0 .. sides - 1.
function roll(Dice memory dice, uint256 sides) pure returns (uint256) {
    uint256 seed = dice.seed;
    assembly ("memory-safe") {
        mstore(0, seed)
        seed := keccak256(0, 0x20)
    }
    dice.seed = seed;
    return seed % sides;
}

/// @notice least .. most.
function between(Dice memory dice, uint256 least, uint256 most) pure returns (uint256) {
    return least + roll(dice, most - least + 1);
}

/// @notice True once in `times`.
function chance(Dice memory dice, uint256 times) pure returns (bool) {
    return roll(dice, times) == 0;
}
