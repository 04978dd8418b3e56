// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title  What one element of one step is. One contract for each family of opcodes stands behind this seam.
/// @notice docs/determinism.md in Solidity: the same integers as `tallystick.engine.element`, which is written to be compared with
///         it line by line, and the same rules as `tallystick.engine.step_rules`. A checker keeps nothing and believes
///         nothing: whether the step is the program's and the data the claim's is for its caller to know.
interface IStepChecker {
    /// @notice No valid program has such a step, or not with operands of such headers, or not with such a multiplier.
    error StepChecker_Invalid();

    /// @notice The element is computed from the operand's byte `byteIndex`, or from a run that begins there, and no single
    ///         opening shows it.
    error StepChecker_Missing(uint256 operand, uint256 byteIndex);

    /// @notice The step's output has `elements` elements, and `index` is none of them.
    error StepChecker_NoElement(uint256 index, uint256 elements);

    /// @notice The element `index` of a step's output, computed from opened ranges of its operands.
    /// @dev    Takes time in proportion to what is shown, whatever the step says. Reverts with one of the errors above, or
    ///         gives the element; a sum outside 32 bits, which no honest run makes, is saturated.
    /// @param  step     What the step's hash is of, without the domain byte (`Step.encode`).
    /// @param  headers  For each operand its header's bytes (`TensorHeader.encode`); empty for one of CONCAT that is not
    ///                  shown.
    /// @param  openings For each operand its openings, in the order of their leaves, one behind the other:
    ///                  `u32 first leaf | u16 leaves | 256 bytes each`.
    /// @param  index    Flat, in row-major order.
    function element(bytes calldata step, bytes[] calldata headers, bytes[] calldata openings, uint256 index)
        external
        pure
        returns (int256);
}
