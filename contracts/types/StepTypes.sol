// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Dtype and dims of a tensor, taken out of the bytes that its root hashes.
/// @dev    In memory only.
/// @param dtype    1 is u8, 2 is i8, 3 is i32 (HeaderLib).
/// @param rank     At most 8.
/// @param dims     32 bits each, the last one lowest; zero above the first.
/// @param elements The product of the dims; 1 for a scalar.
struct TensorHeader {
    uint256 dtype;
    uint256 rank;
    uint256 dims;
    uint256 elements;
}

/// @notice One step of a program, taken out of the bytes that its hash is of.
/// @dev    In memory only. Attributes stay in calldata, where `StepLib.attribute` reads the ones that are needed.
/// @param opcode       What StepLib has constants for.
/// @param operands     How many there are.
/// @param output       Header of what the step gives.
/// @param attributes   How many there are.
/// @param attributesAt Where in calldata the first one stands.
struct Step {
    uint256 opcode;
    uint256 operands;
    TensorHeader output;
    uint256 attributes;
    uint256 attributesAt;
}

/// @notice The openings of one operand, and the one that was read last.
/// @dev    In memory only. Readings of an operand ascend, so nothing looks back.
/// @param operand Its place in the step, for whoever is told that something is missing.
/// @param first   The first of the tensor's bytes that the current opening shows.
/// @param size    How many it shows.
/// @param data    Where in calldata the byte `first` stands.
/// @param next    Where in calldata the next opening begins.
/// @param stop    Where in calldata the operand's openings end.
struct Opened {
    uint256 operand;
    uint256 first;
    uint256 size;
    uint256 data;
    uint256 next;
    uint256 stop;
}

/// @notice The taps of a window that lie inside an image, for one place of the output: a grid.
/// @dev    In memory only.
/// @param rows         Of the grid; 0 where none is inside.
/// @param columns      Of the grid; 0 where none is inside.
/// @param first        Flat index, in the image, of channel 0 of the grid's first tap.
/// @param rowStride    Elements of the image from one row of the grid to the next.
/// @param columnStride Elements of the image from one tap to the next.
/// @param tap          Of the grid's first tap: `i * kernelWidth + j`.
/// @param kernelWidth  Taps of the window from one of its rows to the next.
/// @param channel      Of the output.
struct Taps {
    uint256 rows;
    uint256 columns;
    uint256 first;
    uint256 rowStride;
    uint256 columnStride;
    uint256 tap;
    uint256 kernelWidth;
    uint256 channel;
}

/// @notice Two runs of 8-bit integers in memory, and what is subtracted from each of their elements.
/// @dev    In memory only.
/// @param terms       Of each.
/// @param left        Where the one stands; Int8DotLib says.
/// @param right       Where the other stands; Int8DotLib says.
/// @param leftSigned  Whether its bytes are two's complement.
/// @param rightSigned Whether its bytes are two's complement.
/// @param leftZero    In the range of its bytes.
/// @param rightZero   In the range of its bytes.
struct DotTerms {
    uint256 terms;
    uint256 left;
    uint256 right;
    bool leftSigned;
    bool rightSigned;
    int256 leftZero;
    int256 rightZero;
}
