// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a claim can be shown to be wrong in. Values are the first byte of a packed witness.
///         `Element`: one element of the trace is not what its step makes of the trace's own operands.
///         `Output`: the trace's tensor at the program's output is not the claimed output.
///         `Header`: a tensor of the trace has another dtype or other dims than its step gives.
///         `Padding`: behind a tensor's last byte its last leaf is not zero, or a slot behind its last leaf is not empty.
///         `Whole`: a tensor of the trace is not what its step makes of its operands, all of which is shown, and computed whole:
///         of the claimed tensor nothing is needed but its root.
enum FaultKind {
    None,
    Element,
    Output,
    Header,
    Padding,
    Whole
}

/// @notice A claim that stands: with the job's terms, everything that the settlement's commitment to it is made of.
struct ClaimRef {
    uint16 milestone;
    bytes32 inputRoot;
    bytes32 outputRoot;
    bytes32 traceRoot;
}

/// @notice Where a claim is wrong. `element`, `computed` and `claimed` are zero for kinds other than `Element`.
struct Fault {
    FaultKind kind;
    uint32 step; //     whose tensor is wrong; for `Output` the program's output
    uint32 element; //  flat index in that tensor
    int256 computed; // what the step gives
    int256 claimed; //  what the trace has
}
