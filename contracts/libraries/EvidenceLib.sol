// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITraceDemands} from "../interfaces/ITraceDemands.sol";
import {Demand} from "../types/DemandTypes.sol";
import {ClaimRef} from "../types/DisputeTypes.sol";
import {DemandLib} from "./DemandLib.sol";
import {ProgramLib} from "./ProgramLib.sol";
import {TensorTreeLib} from "./TensorTreeLib.sol";
import {WitnessLib} from "./WitnessLib.sol";

/// @title That a demanded node is what a claim's roots lead to (ITraceDemands says how the evidence lies).
library EvidenceLib {
    using DemandLib for Demand;
    using WitnessLib for WitnessLib.Header;

    uint256 private constant INPUT = 0;
    uint256 private constant CONSTANT = 1;
    uint256 private constant STEP = 2;

    /// @notice The level of the demand. Reverts where the evidence does not lead to its node.
    function check(bytes32 programId, ClaimRef calldata claimed, Demand calldata asked, bytes calldata evidence)
        internal
        view
        returns (uint256 level)
    {
        uint256 start = WitnessLib.placeOf(evidence);
        (ProgramLib.Program memory program, uint256 offset, bytes32 actual) = ProgramLib.read(start);
        if (actual != programId) revert ITraceDemands.TraceDemands_Program(programId, actual);
        (uint256 tensors, bytes32 listRoot) = _listOf(program, claimed, asked.list);
        level = asked.levelOf(tensors);

        bytes32 root;
        (root, offset) = asked.ofList
            ? _climb(asked.node, asked, offset)
            : _climbTensor(asked, tensors, offset);
        if (offset - start != evidence.length) {
            revert ITraceDemands.TraceDemands_Length(offset - start, evidence.length);
        }
        if (root != listRoot) revert ITraceDemands.TraceDemands_OtherNode();
    }

    function _listOf(ProgramLib.Program memory program, ClaimRef calldata claimed, uint256 list)
        private
        pure
        returns (uint256 tensors, bytes32 root)
    {
        if (list == INPUT) return (program.inputs, claimed.inputRoot);
        if (list == CONSTANT) return (program.constants, program.constantsRoot);
        if (list == STEP) return (program.steps, claimed.traceRoot);
        revert ITraceDemands.TraceDemands_BadDemand();
    }

    function _climbTensor(Demand calldata asked, uint256 tensors, uint256 offset)
        private
        view
        returns (bytes32 root, uint256 next)
    {
        root = asked.node;
        next = offset;
        if (!asked.isRoot()) {
            (WitnessLib.Header memory header, bool valid) = WitnessLib.readHeader(offset);
            // The header is the claimer's own, under its root: how many leaves there are is what it says, right or wrong.
            if (!valid) revert ITraceDemands.TraceDemands_BadHeader();
            if (asked.count != header.leavesOf()) revert ITraceDemands.TraceDemands_BadDemand();
            (root, next) = _climb(asked.node, asked, offset + header.length);
            root = TensorTreeLib.tensorRoot(header.offset, header.length, root);
        }
        (root, next) = TensorTreeLib.climb(root, asked.tensor, tensors, next);
    }

    /// @dev From the node to the root of its tree: as from an item of the tree over the nodes of its height.
    function _climb(bytes32 node, Demand calldata asked, uint256 offset)
        private
        view
        returns (bytes32 root, uint256 next)
    {
        uint256 nodes = (uint256(asked.count - 1) >> asked.height) + 1;
        return TensorTreeLib.climb(node, asked.index, nodes, offset);
    }
}
