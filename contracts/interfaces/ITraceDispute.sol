// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobId, JobTerms} from "../types/JobTypes.sol";
import {ClaimRef, Fault, FaultKind} from "../types/DisputeTypes.sol";
import {IMilestoneSettlement} from "./IMilestoneSettlement.sol";
import {IStepChecker} from "./IStepChecker.sol";

/// @title  The judge of Optimistic claims: shows, in one transaction and without a bond, that a claim contradicts itself.
/// @notice A witness opens the claim's own commitments where they do not fit together. Whoever brings it asserts nothing, so
///         nobody can lose by trying; of an honest claim there is no witness.
///
///         A packed witness is read from the front and has no byte that is not read. Integers are big-endian.
///
///             witness = kind u8 | program | fault
///             program = what the model's programId is the hash of: H(04 | program)
///             place   = step index u32 | step (H(03 | step) is its hash) | path to the program's root of steps
///
///             Element = place | element u32 | leaf with the element, 256 bytes | its path | shown u8 | tensor ... | list path ...
///             tensor  = place among the step's operands u8 | header | runs u16 | run ... | siblings, or, of no run, its tree's root
///             run     = first leaf u32 | leaves u16 | 256 bytes each
///             Output  = tensor root at the program's output | its path in the trace
///             Header  = place | header's length u8 | header | root of the tensor's tree | path in the trace
///             Whole   = place | tensor root in the trace | shown u8 | tensor ... | list path ...
///             Padding = place | last leaf, 256 bytes | its path | path in the trace
///
///         Paths and siblings are 32-byte words from the bottom upwards. Their number follows from what they lead to, as
///         `TensorTreeLib.fold` says: at each level, from the left, a word for each known item whose neighbour is not known.
///
///         Tensors that are shown stand in the order of inputs, constants, steps, by their index; none twice. An input's header
///         is the program's and is not brought. Behind the last tensor come the paths of the lists in which at least one
///         was shown: inputs, constants, and always the trace, in which the step's own output is known as well. Of CONCAT only
///         the operand that the element comes from has to be shown.
interface ITraceDispute {
    error TraceDispute_NotAContract(address checker);
    error TraceDispute_NotDemands(address caller);
    error TraceDispute_OtherClaim(bytes32 expected, bytes32 actual);
    error TraceDispute_UnknownKind(uint256 kind);
    /// @notice The witness's program is not the model's.
    error TraceDispute_Program(bytes32 expected, bytes32 actual);
    /// @notice The step is not the program's at this index.
    error TraceDispute_Step(uint256 step);
    /// @notice What is shown as the step's output is not in the trace.
    error TraceDispute_Output(uint256 step);
    /// @notice What is shown of operands is not in the list of that kind: 0 inputs, 1 constants, 2 the trace.
    /// @dev    Of operands in the trace the output is looked up in the same breath, so here it may be the output as well.
    error TraceDispute_Operand(uint256 kind);
    /// @notice Leaves are not apart, in order and within their tensor.
    error TraceDispute_Opening(uint256 operand);
    /// @notice An operand is not shown at all. Of elements that are not shown, the checker says so.
    error TraceDispute_Missing(uint256 operand);
    /// @notice No valid program has such a step.
    error TraceDispute_Invalid(uint256 step);
    error TraceDispute_Element(uint256 element, uint256 elements);
    /// @notice The witness is longer or shorter than what it says.
    error TraceDispute_Length(uint256 expected, uint256 actual);
    /// @notice The claim agrees with what was shown. `computed` is the element; zero for other kinds.
    error TraceDispute_NoFault(int256 computed);

    error TraceDispute_TooLateToCommit(uint64 finalAt);
    /// @notice Somebody committed to a witness of this claim: until the last quarter of its window, only who did may show one.
    error TraceDispute_CommitFirst();
    /// @notice The caller did not commit, or not to this witness, or not before this second. `madeAt` is zero where it did not.
    error TraceDispute_NotCommitted(address challenger, uint64 madeAt);

    event FaultCommitted(JobId indexed jobId, address indexed challenger, uint16 milestone);

    event FaultProven(
        JobId indexed jobId,
        address indexed challenger,
        uint16 milestone,
        FaultKind kind,
        uint32 step,
        uint32 element,
        int256 computed,
        int256 claimed
    );

    /// @notice Says that the caller has a witness against a claim, without showing it. Whoever shows one in a single
    ///         transaction may find it copied by somebody who pays more for his place in the block; whoever committed a block
    ///         earlier may not.
    /// @dev    From then on, until the last quarter of the claim's window, `proveFault` is closed and `proveFaultCommitted` is open
    ///         to all who committed. What that protects: a copy seen in an opening cannot be committed to before it. What it does
    ///         not: an opening that waits unmined for more than a block can be committed to by who sees it, so it should be sent
    ///         at a price that is taken at once. What it cannot do: keep a fault from being shown. A commitment to nothing
    ///         makes others commit as well, and in the last quarter binds nobody.
    ///         A second commitment of the caller's takes the place of its first, and its time.
    ///         Requires: the claim was made; its window is not yet in its last quarter. Emits FaultCommitted.
    /// @param  digest `keccak256(abi.encode(keccak256(witness), caller, salt))`.
    function commit(JobTerms calldata terms, uint16 milestone, bytes32 digest) external;

    /// @notice Shows that a claim is wrong: its job's operator is slashed, and the caller is its challenger.
    /// @dev    Requires: the claim stands in its window; the model names this judge; nobody committed to a witness of the
    ///         claim, or its window is in its last quarter. Emits FaultProven, and the escrow's JobFaulted.
    /// @param  terms   The job's.
    /// @param  claimed The claim, as it was made.
    /// @param  witness Packed.
    function proveFault(JobTerms calldata terms, ClaimRef calldata claimed, bytes calldata witness) external;

    /// @notice `proveFault` by who committed to this witness before this second.
    function proveFaultCommitted(
        JobTerms calldata terms,
        ClaimRef calldata claimed,
        bytes calldata witness,
        bytes32 salt
    ) external;

    /// @notice Holds a claim open until `finalAt`, because part of its trace was demanded. Only `demands`.
    function extend(JobTerms calldata terms, uint16 milestone, uint64 finalAt) external;

    /// @notice Has a job's operator slashed, because part of the trace was demanded in time and not shown in time. Only
    ///         `demands`, which says whose demand it was.
    function faultWithheld(JobTerms calldata terms, uint16 milestone, address challenger) external;

    /// @notice What a witness shows of a claim of the program `programId`, whether anybody made that claim or not. Reverts as
    ///         `proveFault` does where it shows nothing.
    function faultOf(bytes32 programId, ClaimRef calldata claimed, bytes calldata witness)
        external
        view
        returns (Fault memory);

    function settlement() external view returns (IMilestoneSettlement);

    /// @notice Where parts of a trace that was not published are demanded: an ITraceDemands. Fixed at deployment.
    function demands() external view returns (address);

    /// @notice Who computes elements of the family's steps: Dot, Lookup, Window, Map, Arith.
    function checkerOf(uint256 family) external view returns (IStepChecker);
}
