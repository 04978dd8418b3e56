// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IJobEscrow} from "./interfaces/IJobEscrow.sol";
import {IMilestoneSettlement} from "./interfaces/IMilestoneSettlement.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IStepChecker} from "./interfaces/IStepChecker.sol";
import {ITraceDispute} from "./interfaces/ITraceDispute.sol";
import {ClaimRef, Fault, FaultKind} from "./types/DisputeTypes.sol";
import {JobId, JobTerms} from "./types/JobTypes.sol";
import {OptimisticClaim} from "./types/ClaimTypes.sol";
import {ClaimLib} from "./libraries/ClaimLib.sol";
import {JobTermsLib} from "./libraries/JobTermsLib.sol";
import {OperandLib} from "./libraries/OperandLib.sol";
import {ProgramLib} from "./libraries/ProgramLib.sol";
import {StepCallLib} from "./libraries/StepCallLib.sol";
import {SubtreeLib} from "./libraries/SubtreeLib.sol";
import {TensorTreeLib} from "./libraries/TensorTreeLib.sol";
import {WitnessLib} from "./libraries/WitnessLib.sol";

/// @title The judge of Optimistic claims. Holds no money and has no owner; stores nothing but who committed to a witness.
/// @dev   `tallystick/engine/witness.py` says the same in Python. Whatever the witness, nothing is found wrong in
///        roots that a run of the program gave: every word that the verdict rests on is hashed up to the claim's commitment or
///        to the model's programId.
contract TraceDispute is ITraceDispute {
    using JobTermsLib for JobTerms;
    using ClaimLib for JobTerms;
    using ClaimLib for OptimisticClaim;
    using WitnessLib for WitnessLib.Step;
    using WitnessLib for WitnessLib.Header;
    using ProgramLib for ProgramLib.Program;

    /// @dev One slot. 24 bytes of the digest are as good as all of them: nobody gains by two witnesses of one digest.
    struct Commitment {
        uint64 madeAt;
        bytes24 digest;
    }

    uint256 private constant FAMILIES = 5;
    uint256 private constant STEP_DOMAIN = 0x03;
    uint256 private constant CONCAT = 50;

    IMilestoneSettlement private immutable SETTLEMENT;
    address private immutable DEMANDS;
    IModelRegistry private immutable REGISTRY;
    bytes32 private immutable JOB_DOMAIN;
    IStepChecker private immutable DOT;
    IStepChecker private immutable LOOKUP;
    IStepChecker private immutable WINDOW;
    IStepChecker private immutable MAP;
    IStepChecker private immutable ARITH;

    mapping(bytes32 claimKey => mapping(address challenger => Commitment)) private commitments;
    mapping(bytes32 claimKey => bool) private isCommittedTo;

    modifier onlyDemands() {
        if (msg.sender != DEMANDS) revert TraceDispute_NotDemands(msg.sender);
        _;
    }

    /// @param checkers In the order of their families: Dot, Lookup, Window, Map, Arith.
    /// @param demands_ Where parts of traces are demanded. Deployed after this, it makes sure that it is meant.
    constructor(IMilestoneSettlement settlement_, IStepChecker[5] memory checkers, address demands_) {
        IJobEscrow escrow = settlement_.escrow();
        SETTLEMENT = settlement_;
        DEMANDS = demands_;
        REGISTRY = escrow.registry();
        JOB_DOMAIN = escrow.jobDomain();
        for (uint256 family = 0; family < FAMILIES; ++family) {
            address checker = address(checkers[family]);
            if (checker.code.length == 0) revert TraceDispute_NotAContract(checker);
        }
        (DOT, LOOKUP, WINDOW, MAP, ARITH) = (checkers[0], checkers[1], checkers[2], checkers[3], checkers[4]);
    }

    /// @inheritdoc ITraceDispute
    function commit(JobTerms calldata terms, uint16 milestone, bytes32 digest) external {
        // Check: there is a claim to be first at, and enough of its window left for whoever did not commit.
        JobId jobId = terms.idOf(JOB_DOMAIN);
        OptimisticClaim memory standing = SETTLEMENT.claimOf(jobId, milestone);
        if (!_isProtected(terms, standing)) revert TraceDispute_TooLateToCommit(standing.finalAt);
        bytes32 key = standing.keyOf(jobId, milestone);

        // Effect
        commitments[key][msg.sender] = Commitment(uint64(block.timestamp), bytes24(digest));
        isCommittedTo[key] = true;
        emit FaultCommitted(jobId, msg.sender, milestone);
    }

    /// @inheritdoc ITraceDispute
    function proveFault(JobTerms calldata terms, ClaimRef calldata claimed, bytes calldata witness) external {
        (JobId jobId, OptimisticClaim memory standing) = _requireClaim(terms, claimed);

        // Check: nobody has said that a witness of its own is coming.
        bool isTaken = isCommittedTo[standing.keyOf(jobId, claimed.milestone)];
        if (isTaken && _isProtected(terms, standing)) revert TraceDispute_CommitFirst();

        _proveFault(terms, jobId, claimed, witness);
    }

    /// @inheritdoc ITraceDispute
    function proveFaultCommitted(
        JobTerms calldata terms,
        ClaimRef calldata claimed,
        bytes calldata witness,
        bytes32 salt
    ) external {
        (JobId jobId, OptimisticClaim memory standing) = _requireClaim(terms, claimed);

        // Check: the caller had this very witness before anybody could have seen it.
        Commitment memory made = commitments[standing.keyOf(jobId, claimed.milestone)][msg.sender];
        bytes32 digest = keccak256(abi.encode(keccak256(witness), msg.sender, salt));
        bool isOpened = made.madeAt != 0 && made.madeAt < block.timestamp && made.digest == bytes24(digest);
        if (!isOpened) revert TraceDispute_NotCommitted(msg.sender, made.madeAt);

        _proveFault(terms, jobId, claimed, witness);
    }

    /// @inheritdoc ITraceDispute
    function extend(JobTerms calldata terms, uint16 milestone, uint64 finalAt) external onlyDemands {
        SETTLEMENT.extend(terms, milestone, finalAt);
    }

    /// @inheritdoc ITraceDispute
    function faultWithheld(JobTerms calldata terms, uint16 milestone, address challenger) external onlyDemands {
        SETTLEMENT.fault(terms, milestone, challenger);
    }

    /// @inheritdoc ITraceDispute
    function faultOf(bytes32 programId, ClaimRef calldata claimed, bytes calldata witness)
        external
        view
        returns (Fault memory)
    {
        return _judge(programId, claimed, witness);
    }

    /// @inheritdoc ITraceDispute
    function settlement() external view returns (IMilestoneSettlement) {
        return SETTLEMENT;
    }

    /// @inheritdoc ITraceDispute
    function demands() external view returns (address) {
        return DEMANDS;
    }

    /// @inheritdoc ITraceDispute
    function checkerOf(uint256 family) public view returns (IStepChecker) {
        if (family == 0) return DOT;
        if (family == 1) return LOOKUP;
        if (family == 2) return WINDOW;
        if (family == 3) return MAP;
        return family == 4 ? ARITH : IStepChecker(address(0));
    }

    // ---- the claim ------------------------------------------------------------------------------------------------

    /// @dev The claim is the one that was made. Whether it stands, and can still be shown to be wrong, the settlement and the
    ///      escrow know.
    function _requireClaim(JobTerms calldata terms, ClaimRef calldata claimed)
        private
        view
        returns (JobId jobId, OptimisticClaim memory standing)
    {
        jobId = terms.idOf(JOB_DOMAIN);
        standing = SETTLEMENT.claimOf(jobId, claimed.milestone);
        bytes32 actual = terms.commitmentOf(address(SETTLEMENT), jobId, claimed);
        if (actual != standing.commitment) revert TraceDispute_OtherClaim(standing.commitment, actual);
    }

    function _proveFault(JobTerms calldata terms, JobId jobId, ClaimRef calldata claimed, bytes calldata witness)
        private
    {
        // Check: it is wrong.
        (,, bytes32 programId) = REGISTRY.programOf(terms.modelId);
        Fault memory fault = _judge(programId, claimed, witness);

        // Interaction
        emit FaultProven(
            jobId,
            msg.sender,
            claimed.milestone,
            fault.kind,
            fault.step,
            fault.element,
            fault.computed,
            fault.claimed
        );
        SETTLEMENT.fault(terms, claimed.milestone, msg.sender);
    }

    /// @dev In the last quarter of the window nobody has a first turn: whoever commits to nothing can make others commit as
    ///      well, but can keep nobody from showing a fault.
    function _isProtected(JobTerms calldata terms, OptimisticClaim memory standing) private view returns (bool) {
        return block.timestamp + terms.challengeSeconds / 4 <= standing.finalAt;
    }

    // ---- kinds ----------------------------------------------------------------------------------------------------

    function _judge(bytes32 programId, ClaimRef calldata claimed, bytes calldata witness)
        private
        view
        returns (Fault memory fault)
    {
        (uint256 offset, uint256 kind) = _start(witness);
        ProgramLib.Program memory program;
        bytes32 actual;
        (program, offset, actual) = ProgramLib.read(offset);
        if (actual != programId) revert TraceDispute_Program(programId, actual);

        if (kind == uint256(FaultKind.Output)) {
            _requireWrongOutput(program, claimed, offset, witness);
            return Fault(FaultKind.Output, uint32(program.output), 0, 0, 0);
        }
        uint256 index;
        WitnessLib.Step memory step;
        (step, index, offset) = _readStep(program, offset);
        fault.kind = FaultKind(kind);
        fault.step = uint32(index);
        if (kind == uint256(FaultKind.Element)) {
            _requireWrongElement(fault, program, step, claimed, offset, witness);
        } else if (kind == uint256(FaultKind.Whole)) {
            _requireWrongWhole(program, step, index, claimed, offset, witness);
        } else if (kind == uint256(FaultKind.Header)) {
            _requireWrongHeader(program, step, index, claimed.traceRoot, offset, witness);
        } else {
            _requireWrongPadding(program, step, index, claimed.traceRoot, offset, witness);
        }
    }

    function _requireWrongOutput(
        ProgramLib.Program memory program,
        ClaimRef calldata claimed,
        uint256 offset,
        bytes calldata witness
    ) private view {
        bytes32 root = TensorTreeLib.word(offset);
        uint256 end = _climbTrace(program, program.output, root, claimed.traceRoot, offset + 32);
        _requireEnd(end, witness);
        if (root == claimed.outputRoot) revert TraceDispute_NoFault(0);
    }

    function _requireWrongHeader(
        ProgramLib.Program memory program,
        WitnessLib.Step memory step,
        uint256 index,
        bytes32 traceRoot,
        uint256 offset,
        bytes calldata witness
    ) private view {
        uint256 length = WitnessLib.number(offset, 1);
        ++offset;
        bytes32 root = TensorTreeLib.tensorRoot(offset, length, TensorTreeLib.word(offset + length));
        uint256 end = _climbTrace(program, index, root, traceRoot, offset + length + 32);
        _requireEnd(end, witness);
        bytes32 shown = TensorTreeLib.hash(0, offset, length);
        if (shown == TensorTreeLib.hash(0, step.header.offset, step.header.length)) revert TraceDispute_NoFault(0);
    }

    function _requireWrongPadding(
        ProgramLib.Program memory program,
        WitnessLib.Step memory step,
        uint256 index,
        bytes32 traceRoot,
        uint256 offset,
        bytes calldata witness
    ) private view {
        uint256 leaves = step.header.leavesOf();
        (bytes32 root, uint256 next, bool isPadded) =
            TensorTreeLib.climbLast(TensorTreeLib.leaf(offset), leaves, offset + TensorTreeLib.LEAF_BYTES);
        root = TensorTreeLib.tensorRoot(step.header.offset, step.header.length, root);
        next = _climbTrace(program, index, root, traceRoot, next);
        _requireEnd(next, witness);

        uint256 used = step.header.elements * step.header.elementBytes() - (leaves - 1) * TensorTreeLib.LEAF_BYTES;
        if (isPadded && _isZero(offset + used, offset + TensorTreeLib.LEAF_BYTES)) revert TraceDispute_NoFault(0);
    }

    function _requireWrongElement(
        Fault memory fault,
        ProgramLib.Program memory program,
        WitnessLib.Step memory step,
        ClaimRef calldata claimed,
        uint256 offset,
        bytes calldata witness
    ) private view {
        uint256 element = WitnessLib.number(offset, 4);
        if (element >= step.header.elements) revert TraceDispute_Element(element, step.header.elements);
        fault.element = uint32(element);
        bytes32 outputRoot;
        (outputRoot, fault.claimed, offset) = _readClaimed(step, element, offset + 4);

        OperandLib.Shown memory shown;
        (shown, offset) = OperandLib.read(program, step, offset);
        offset = OperandLib.checkLists(program, shown, fault.step, outputRoot, claimed, offset);
        _requireEnd(offset, witness);

        fault.computed = _compute(step, shown, element, fault.step);
        if (fault.computed == fault.claimed) revert TraceDispute_NoFault(fault.computed);
    }

    /// @dev How many elements that may be, only gas says.
    function _requireWrongWhole(
        ProgramLib.Program memory program,
        WitnessLib.Step memory step,
        uint256 index,
        ClaimRef calldata claimed,
        uint256 offset,
        bytes calldata witness
    ) private view {
        bytes32 claimedRoot = TensorTreeLib.word(offset);
        OperandLib.Shown memory shown;
        (shown, offset) = OperandLib.read(program, step, offset + 32);
        offset = OperandLib.checkLists(program, shown, index, claimedRoot, claimed, offset);
        _requireEnd(offset, witness);
        bytes32 root = SubtreeLib.rootOfData(_computeAll(step, shown, index));
        root = TensorTreeLib.tensorRoot(step.header.offset, step.header.length, root);
        if (root == claimedRoot) revert TraceDispute_NoFault(0);
    }

    // ---- the step and its output ------------------------------------------------------------------------------------

    function _readStep(ProgramLib.Program memory program, uint256 offset)
        private
        view
        returns (WitnessLib.Step memory step, uint256 index, uint256 next)
    {
        index = WitnessLib.number(offset, 4);
        bool valid;
        (step, valid) = WitnessLib.readStep(offset + 4, index);
        if (index >= program.steps) revert TraceDispute_Step(index);
        bytes32 root = TensorTreeLib.hash(STEP_DOMAIN, step.offset, step.length);
        (root, next) = TensorTreeLib.climb(root, index, program.steps, step.offset + step.length);
        if (root != program.stepsRoot) revert TraceDispute_Step(index);
        if (!valid) revert TraceDispute_Invalid(index);
    }

    /// @dev The claim's element, and the root of the tensor that it says it is in.
    function _readClaimed(WitnessLib.Step memory step, uint256 element, uint256 offset)
        private
        view
        returns (bytes32 root, int256 claimed, uint256 next)
    {
        uint256 place = element * step.header.elementBytes();
        claimed = step.header.elementAt(offset + place % TensorTreeLib.LEAF_BYTES);
        (root, next) = TensorTreeLib.climb(
            TensorTreeLib.leaf(offset),
            place / TensorTreeLib.LEAF_BYTES,
            step.header.leavesOf(),
            offset + TensorTreeLib.LEAF_BYTES
        );
        root = TensorTreeLib.tensorRoot(step.header.offset, step.header.length, root);
    }

    function _climbTrace(
        ProgramLib.Program memory program,
        uint256 index,
        bytes32 tensorRoot,
        bytes32 traceRoot,
        uint256 offset
    ) private view returns (uint256 next) {
        if (index >= program.steps) revert TraceDispute_Output(index);
        bytes32 root;
        (root, next) = TensorTreeLib.climb(tensorRoot, index, program.steps, offset);
        if (root != traceRoot) revert TraceDispute_Output(index);
    }

    // ---- the element --------------------------------------------------------------------------------------------------

    function _compute(WitnessLib.Step memory step, OperandLib.Shown memory shown, uint256 element, uint256 stepIndex)
        private
        view
        returns (int256)
    {
        for (uint256 place = 0; place < step.operands; ++place) {
            if (shown.headers[place].length == 0 && step.opcode != CONCAT) revert TraceDispute_Missing(place);
        }
        address checker = address(checkerOf(step.opcode >> 4));
        if (checker == address(0)) revert TraceDispute_Invalid(stepIndex);
        StepCallLib.Slice memory encoded = StepCallLib.Slice(step.offset, step.length);
        bytes memory call = StepCallLib.encode(encoded, shown.headers, shown.openings, element);
        (bool success, bytes32 answer,) = LowLevelCall.staticcallReturn64Bytes(checker, call);
        // Out of gas is as good as any other reason: nothing was shown.
        if (!success) LowLevelCall.bubbleRevert();
        return int256(uint256(answer));
    }

    /// @return data The step's tensor as its tree has it: whole leaves, zeros behind the last byte.
    function _computeAll(WitnessLib.Step memory step, OperandLib.Shown memory shown, uint256 stepIndex)
        private
        view
        returns (bytes memory data)
    {
        uint256 size = step.header.elementBytes();
        data = new bytes(step.header.leavesOf() * TensorTreeLib.LEAF_BYTES);
        for (uint256 element = 0; element < step.header.elements; ++element) {
            uint256 free;
            assembly ("memory-safe") {
                free := mload(0x40)
            }
            int256 value = _compute(step, shown, element, stepIndex);
            assembly ("memory-safe") {
                // The call's encoding is not needed any more: without this, memory would cost its square.
                mstore(0x40, free)
                let to := add(add(data, 0x20), mul(element, size))
                for { let i := size } i { } {
                    i := sub(i, 1)
                    mstore8(add(to, i), value)
                    value := shr(8, value)
                }
            }
        }
    }

    // ---- the witness's bytes --------------------------------------------------------------------------------------------

    function _start(bytes calldata witness) private pure returns (uint256 offset, uint256 kind) {
        offset = WitnessLib.placeOf(witness);
        kind = WitnessLib.number(offset, 1);
        if (kind == 0 || kind > uint256(type(FaultKind).max)) revert TraceDispute_UnknownKind(kind);
        ++offset;
    }

    /// @dev What was read is what was brought, neither less nor more.
    function _requireEnd(uint256 offset, bytes calldata witness) private pure {
        uint256 length = offset - WitnessLib.placeOf(witness);
        if (length != witness.length) revert TraceDispute_Length(length, witness.length);
    }

    function _isZero(uint256 offset, uint256 end) private pure returns (bool) {
        for (; offset + 32 <= end; offset += 32) {
            if (TensorTreeLib.word(offset) != bytes32(0)) return false;
        }
        return offset == end || WitnessLib.number(offset, end - offset) == 0;
    }
}
