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

/// @notice `Open` and `Assigned` are warm: time alone can make `refund` or `expire` callable.
///         `None`, `Completed` and `Refunded` are cold.
enum JobStatus {
    None,
    Open,
    Assigned,
    Completed,
    Refunded
}

/// @notice What a creator offers. Never stored: its digest is the job's id, and every call that needs it brings it.
/// @dev    Milestones are two arrays of one length rather than an array of structs, because EIP-712 encodes arrays of
///         plain numbers in one hash and wallets show them legibly.
struct JobTerms {
    address creator;
    uint64 salt; //            lets one creator post the same work twice
    ModelId modelId;
    ProofKind proofKind;
    JobMode mode;
    bytes32 inputRoot; //      MerkleLib root of the milestones' inputs, or the first input's root when chained
    bytes32 manifest; //       SHA-256 of the job manifest: where the inputs are, what the executor must have
    address paymentToken;
    uint128 minPrice; //       in units of paymentToken
    uint128 maxPrice; //       deposited when the job is created
    uint32 rampSeconds; //     time from minPrice to maxPrice, from each opening anew
    uint128 stakeLock; //      in units of the stake token, held while assigned
    uint32 acceptSeconds; //   open time after which anyone may send the deposit home, from each opening anew
    uint32 exclusiveSeconds; // open time in which only the dispatcher's choice may accept, from each opening anew
    address dispatcher; //     zero: nobody has a first choice
    uint16 dispatcherFeeBps; // of each payment, to the dispatcher
    uint16[] shareBps; //      of the price, one entry a milestone, 10,000 together
    uint32[] durationSeconds; // time for each milestone, counted from the deadline of the one before it
}

/// @notice What the escrow stores for a job: two slots of progress, one of money.
struct JobState {
    // slot 0
    JobStatus status;
    uint16 nextMilestone; // first milestone that is not paid
    uint32 round; //         times the job was opened; binds a signed assignment to one opening
    uint64 openedAt;
    uint64 deadline; //      of nextMilestone, while assigned
    // slot 1
    address operator; //     zero unless assigned
    // slot 2
    uint128 price; //        of the whole job, fixed by the acceptance of this round
    uint128 remaining; //    creator's money still held for this job, in units of the payment token
}

/// @notice A dispatcher's exclusive offer of one opening of a job to one operator, signed off chain (EIP-712).
struct Assignment {
    JobId jobId;
    address operator;
    uint32 round;
    uint64 expiresAt;
}
