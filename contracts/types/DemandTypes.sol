// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What somebody asks a claimer to show. Two who ask for the same write the same words, so it is asked once.
///         Values of `list`: 0 the program's inputs, 1 its constants, 2 the trace.
struct Demand {
    uint8 list;
    bool ofList; //    tensor roots of the list are asked for, not a part of a tensor
    uint32 tensor; //  index in the list; zero where `ofList`
    uint32 count; //   leaves of the tree that the node is in: the list's tensors, or the tensor's leaves; zero at a tensor's root
    uint8 height; //   of the node above the leaves; zero at a tensor's root
    uint32 index; //   of the node among those of its height; zero at a tensor's root
    bytes32 node; //   its hash; at a tensor's root that root, whose header and tree the answer shows
}

/// @notice What is kept of a demand: two slots.
struct DemandState {
    address payer;
    uint64 askedAt; //  zero: never asked
    bool isOver; //     shown, or given back
    uint128 base; //    wei for whoever the answer costs
    uint128 crowding; // wei on top, burnt when it is shown
}
