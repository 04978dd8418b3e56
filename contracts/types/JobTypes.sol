// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice EIP-712 digest of a job's terms under `JobEscrow`'s domain: the id commits to every word of them.
type JobId is bytes32;

/// @notice Hash of a model's specification, see `ModelRegistry`.
type ModelId is bytes32;

/// @notice How a result is shown to be right. One word per kind, in contracts, JSON and documents alike.
enum ProofKind {
    None,
    Zk,
    Optimistic
}

/// @notice `Parallel`: every milestone has an input of its own, a leaf below `inputRoot`.
///         `Chained`: a milestone starts from the output of the one before it.
enum JobMode {
    Parallel,
    Chained
}

/// @notice `Open` and `Assigned` are warm: time alone can make `refund`, `finalize` or `expire` callable.
///         `None`, `Completed` and `Refunded` are cold.
enum JobStatus {
    None,
    Open,
    Assigned,
    Completed,
    Refunded
}

/// @notice Where the deposit of a signed order comes from.
///         `Allowance`: an allowance that the escrow has. `Permit`: one that an EIP-2612 signature gives it on the way.
///         `Permit2`: Permit2's transfer by signature, with the order as its witness, so that one signature does both.
enum Funding {
    Allowance,
    Permit,
    Permit2
}

/// @notice What a creator offers. Never stored: its digest is the job's id, and every call that needs it brings it.
/// @dev    Milestones are two arrays of one length rather than an array of structs, because EIP-712 encodes arrays of
///         plain numbers in one hash and wallets show them legibly. Amounts have 96 bits, so that a job is two slots.
struct JobTerms {
    address creator;
    uint64 salt; //            lets one creator post the same work twice
    ModelId modelId;
    ProofKind proofKind;
    JobMode mode;
    bytes32 inputRoot; //      MerkleLib root of the milestones' inputs, or the first input's root when chained
    bytes32 manifest; //       SHA-256 of the job manifest: where the inputs are, what the executor must have
    address paymentToken;
    uint96 minPrice; //        in units of paymentToken
    uint96 maxPrice; //        deposited when the job is created
    uint32 rampSeconds; //     time from minPrice to maxPrice, from each opening anew
    uint96 stakeLock; //       in units of the stake token, held while assigned
    uint32 acceptSeconds; //   open time after which anyone may send the deposit home, from each opening anew
    uint32 exclusiveSeconds; // open time in which only the dispatcher's choice may accept, from each opening anew
    uint32 challengeSeconds; // time in which an Optimistic claim can be shown to be wrong; zero for Zk
    address dispatcher; //     zero: nobody has a first choice
    uint16 dispatcherFeeBps; // of each payment, to the dispatcher
    uint16[] shareBps; //      of the price, one entry a milestone, 10,000 together
    uint32[] durationSeconds; // time for each milestone, counted from the deadline of the one before it
}

/// @notice A job that its creator signs (EIP-712) instead of sending: whoever submits it pays the gas.
struct JobOrder {
    JobTerms terms;
    uint256 nonce; //     of the creator's, in any order, used once
    uint64 startsAt; //   the job's opening: from here run its ramp and its windows, whenever it is submitted
    uint64 expiresAt; //  last second in which it can be submitted
}

/// @notice A job order with what makes it valid.
struct SignedOrder {
    JobOrder order;
    Funding funding;
    bytes signature; // of the order under the escrow's domain; with Permit2, of Permit2's message that has it as witness
    bytes permit; //    Permit: an ABI-encoded TokenPermit; otherwise empty
}

/// @notice An EIP-2612 signature over an allowance of exactly what is to be paid.
struct TokenPermit {
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @notice What the escrow stores for a job: two slots.
struct JobState {
    // slot 0: the work
    address operator; //       zero unless assigned
    uint40 timer; //           Open: when it was opened. Assigned: the deadline of nextMilestone; zero when all are claimed
    uint32 round; //           times the job was opened; binds a signed assignment to one opening
    uint16 nextMilestone; //   first milestone that is not claimed
    JobStatus status;
    // slot 1: the money
    uint96 remaining; //       creator's money still held for this job, in units of the payment token
    uint96 bounty; //          of the stake token: waits for whoever completes the job
    uint32 acceptedAfter; //   place on the ramp at which this round was accepted, in seconds; the price follows from it
    uint16 paidMilestones; //  first milestone that is not paid; equal to nextMilestone unless claims await finality
    uint16 economyVersion; //  the rules of slashing that were in force when the job was created
}

/// @notice A dispatcher's exclusive offer of one opening of a job to one operator, signed off chain (EIP-712).
struct Assignment {
    JobId jobId;
    address operator;
    uint32 round;
    uint64 expiresAt;
}
