// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TensorTreeLib} from "./TensorTreeLib.sol";
import {WitnessLib} from "./WitnessLib.sol";

/// @title What an Optimistic model's programId is the hash of, read where it lies in a packed witness.
/// @dev   `semantics version u32 | steps u32 | root of steps | constants u32 | root of constants | inputs u8 | headers |
///        output u32`. Who knows the hash need not look whether the parts make sense: programs are found valid before anyone
///        accepts a job with them.
library ProgramLib {
    struct Program {
        uint256 steps;
        bytes32 stepsRoot;
        uint256 constants;
        bytes32 constantsRoot;
        uint256 inputs;
        uint256 inputsAt;
        uint256 output;
    }

    uint256 private constant DOMAIN = 0x04;
    uint256 private constant SEMANTICS_VERSION = 1;
    uint256 private constant HEADERS_AT = 77;

    /// @return program What lies at `offset`.
    /// @return next    Behind it.
    /// @return actual  Its hash; zero where it is of other semantics.
    function read(uint256 offset) internal view returns (Program memory program, uint256 next, bytes32 actual) {
        unchecked {
            program.steps = WitnessLib.number(offset + 4, 4);
            program.stepsRoot = TensorTreeLib.word(offset + 8);
            program.constants = WitnessLib.number(offset + 40, 4);
            program.constantsRoot = TensorTreeLib.word(offset + 44);
            program.inputs = WitnessLib.number(offset + 76, 1);
            program.inputsAt = offset + HEADERS_AT;
            uint256 outputAt = inputAt(program, program.inputs);
            program.output = WitnessLib.number(outputAt, 4);
            next = outputAt + 4;
            bool isKnown = WitnessLib.number(offset, 4) == SEMANTICS_VERSION;
            actual = isKnown ? TensorTreeLib.hash(DOMAIN, offset, next - offset) : bytes32(0);
        }
    }

    /// @notice Where the header of an input lies.
    function inputAt(Program memory program, uint256 index) internal pure returns (uint256 offset) {
        unchecked {
            offset = program.inputsAt;
            for (uint256 input = 0; input < index; ++input) {
                offset += WitnessLib.headerLength(offset);
            }
        }
    }
}
