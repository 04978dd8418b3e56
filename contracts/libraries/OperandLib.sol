// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ITraceDispute} from "../interfaces/ITraceDispute.sol";
import {ClaimRef} from "../types/DisputeTypes.sol";
import {ProgramLib} from "./ProgramLib.sol";
import {StepCallLib} from "./StepCallLib.sol";
import {TensorTreeLib} from "./TensorTreeLib.sol";
import {WitnessLib} from "./WitnessLib.sol";

/// @title What a packed witness shows of a step's operands, and whether they are those that the step names.
library OperandLib {
    using ProgramLib for ProgramLib.Program;
    using WitnessLib for WitnessLib.Step;
    using WitnessLib for WitnessLib.Header;

    /// @dev What the shown tensors of a step lead to, gathered while they are read.
    /// `headers` and `openings` have a place for each operand; `roots` are pairs (index, tensor root) in memory, in
    /// the order of their lists.
    struct Shown {
        StepCallLib.Slice[] headers;
        StepCallLib.Slice[] openings;
        uint256 roots;
        uint256[3] counts; // by kind
        uint256 last; //      ref of the last tensor, plus one
    }

    uint256 private constant INPUT = 0;
    uint256 private constant CONSTANT = 1;
    uint256 private constant STEP = 2;

    function read(ProgramLib.Program memory program, WitnessLib.Step memory step, uint256 offset)
        internal
        view
        returns (Shown memory shown, uint256 next)
    {
        unchecked {
            uint256 tensors = WitnessLib.number(offset, 1);
            ++offset;
            shown.headers = new StepCallLib.Slice[](step.operands);
            shown.openings = new StepCallLib.Slice[](step.operands);
            shown.roots = TensorTreeLib.room(tensors + 1);
            for (uint256 tensor = 0; tensor < tensors; ++tensor) {
                offset = _readTensor(program, step, shown, tensor, offset);
            }
            return (shown, offset);
        }
    }

    /// @dev One tensor that is shown: where its parts are, and what its root must be.
    function _readTensor(
        ProgramLib.Program memory program,
        WitnessLib.Step memory step,
        Shown memory shown,
        uint256 tensor,
        uint256 offset
    ) private view returns (uint256 next) {
        unchecked {
            uint256 place = WitnessLib.number(offset, 1);
            if (place >= step.operands) revert ITraceDispute.TraceDispute_Missing(place);
            (uint256 kind, uint256 index) = step.refOf(place);
            uint256 ref = (kind << 32 | index) + 1;
            // In order, so that none is known twice: two roots for one place would leave it open which of them was proven.
            if (ref <= shown.last) revert ITraceDispute.TraceDispute_Operand(kind);
            shown.last = ref;
            ++shown.counts[kind];

            WitnessLib.Header memory header;
            (header, next) = _readHeader(program, kind, index, offset + 1);
            StepCallLib.Slice memory opening;
            bytes32 root;
            (root, opening, next) = _readOpening(header, place, next);
            root = TensorTreeLib.tensorRoot(header.offset, header.length, root);
            uint256 pair = shown.roots + 64 * tensor;
            assembly ("memory-safe") {
                mstore(pair, index)
                mstore(add(pair, 0x20), root)
            }
            _place(step, shown, ref, header, opening);
        }
    }

    function _readHeader(ProgramLib.Program memory program, uint256 kind, uint256 index, uint256 offset)
        private
        pure
        returns (WitnessLib.Header memory header, uint256 next)
    {
        unchecked {
            bool isInput = kind == INPUT;
            if (isInput && index >= program.inputs) revert ITraceDispute.TraceDispute_Operand(kind);
            bool valid;
            (header, valid) = WitnessLib.readHeader(isInput ? program.inputAt(index) : offset);
            // Another step's tensor may have a header that is none. That is that step's fault, and not this one's.
            if (!valid) revert ITraceDispute.TraceDispute_Operand(kind);
            next = isInput ? offset : offset + header.length;
        }
    }

    function _readOpening(WitnessLib.Header memory header, uint256 place, uint256 offset)
        private
        view
        returns (bytes32 root, StepCallLib.Slice memory opening, uint256 next)
    {
        unchecked {
            uint256 runs = WitnessLib.number(offset, 2);
            offset += 2;
            if (runs == 0) return (TensorTreeLib.word(offset), opening, offset + 32);
            uint256 runsEnd;
            (root, runsEnd, next) = WitnessLib.readRuns(offset, runs, header.leavesOf());
            if (root == bytes32(0)) revert ITraceDispute.TraceDispute_Opening(place);
            opening = StepCallLib.Slice(offset, runsEnd - offset);
        }
    }

    /// @dev A tensor may be several operands of its step.
    function _place(
        WitnessLib.Step memory step,
        Shown memory shown,
        uint256 ref,
        WitnessLib.Header memory header,
        StepCallLib.Slice memory opening
    ) private pure {
        unchecked {
            StepCallLib.Slice memory headerSlice = StepCallLib.Slice(header.offset, header.length);
            for (uint256 place = 0; place < step.operands; ++place) {
                (uint256 kind, uint256 index) = step.refOf(place);
                if ((kind << 32 | index) + 1 != ref) continue;
                shown.headers[place] = headerSlice;
                shown.openings[place] = opening;
            }
        }
    }

    /// @dev Every tensor that was shown stands where the step says, the output among the trace's.
    function checkLists(
        ProgramLib.Program memory program,
        Shown memory shown,
        uint256 stepIndex,
        bytes32 outputRoot,
        ClaimRef calldata claimed,
        uint256 offset
    ) internal view returns (uint256 next) {
        unchecked {
            uint256[3] memory counts = shown.counts;
            uint256 nodes = shown.roots;
            if (counts[INPUT] > 0) {
                offset = _checkList(INPUT, nodes, counts[INPUT], program.inputs, claimed.inputRoot, offset);
                nodes += 64 * counts[INPUT];
            }
            if (counts[CONSTANT] > 0) {
                uint256 known = counts[CONSTANT];
                offset = _checkList(CONSTANT, nodes, known, program.constants, program.constantsRoot, offset);
                nodes += 64 * counts[CONSTANT];
            }
            uint256 pair = nodes + 64 * counts[STEP];
            assembly ("memory-safe") {
                mstore(pair, stepIndex)
                mstore(add(pair, 0x20), outputRoot)
            }
            // The step itself was proven to be one of the program's, so the last known item is within the list.
            bytes32 root;
            (root, next) = TensorTreeLib.fold(nodes, counts[STEP] + 1, program.steps, offset);
            if (root == claimed.traceRoot) return next;
            if (counts[STEP] == 0) revert ITraceDispute.TraceDispute_Output(stepIndex);
            revert ITraceDispute.TraceDispute_Operand(STEP);
        }
    }

    function _checkList(uint256 kind, uint256 nodes, uint256 known, uint256 count, bytes32 listRoot, uint256 offset)
        private
        view
        returns (uint256 next)
    {
        uint256 lastIndex;
        assembly ("memory-safe") {
            lastIndex := mload(add(nodes, shl(6, sub(known, 1))))
        }
        // Behind the last item are empty slots, which could be shown like any other.
        if (lastIndex >= count) revert ITraceDispute.TraceDispute_Operand(kind);
        bytes32 root;
        (root, next) = TensorTreeLib.fold(nodes, known, count, offset);
        if (root != listRoot) revert ITraceDispute.TraceDispute_Operand(kind);
    }
}
