"""What to do next, for every named error of the contracts. A test holds the list complete."""

from __future__ import annotations

from collections.abc import Mapping

_REPORT = "This should not happen; please report it."
_NOT_YOURS = "Only this project's own contracts may call this."
_DEPLOY = "Deploy with `python -m scripts.deploy`, which gives the contracts each other's right addresses."
_FORGED = "Prove the milestone again; a proof counts only for the statement it was made for."
_AMOUNT = "Use a token that delivers exactly what is sent: none with transfer fees or rebasing."
_BALANCE = "Get more of the token, or lower the amount."
_ALLOWANCE = "Approve the contract for at least the amount first."
_SIGNATURE = "Ask the dispatcher for a new assignment."
_ORDER = "Ask the creator for a new order."
_CLAIM_NEXT = "Claim the first milestone that is not claimed yet."
_ROLE = "Use an account that has the role; the authority's roles say who."
_SCHEDULE = "Look the operation up by its id: what was scheduled must be carried out as it was, and in its time."
_PERMIT2_SIGNED = "Sign Permit2's message for this very order with the creator's key, on this chain."

REMEDIES: Mapping[str, str] = {
    # JobEscrow
    "JobEscrow_BadTerms": "Correct the named field of the terms.",
    "JobEscrow_NotCreator": "Use the creator's key.",
    "JobEscrow_JobExists": "The job is already funded; change the salt to post the same work again.",
    "JobEscrow_WrongStatus": "Read the job's state again; it has moved on, or was never created.",
    "JobEscrow_UnexpectedAmount": _AMOUNT,
    "JobEscrow_OrderNotStarted": "Wait until the order starts.",
    "JobEscrow_OrderExpired": _ORDER,
    "JobEscrow_OrderNonceUsed": "The order is a job already, or was cancelled; ask the creator for one with another nonce.",
    "JobEscrow_BadOrderSignature": "Have the creator that the terms name sign this very order, for this deployment.",
    "JobEscrow_NoPermit2": "Fund the order by an allowance or a permit: this chain has no Permit2.",
    "JobEscrow_AcceptWindowOver": "The offer has lapsed; `refund` sends the deposit home.",
    "JobEscrow_AcceptWindowOpen": "Wait until the accept window closes, or have the creator `cancel`.",
    "JobEscrow_ExclusiveUntil": "Wait for the end of the exclusive time, or get the dispatcher's assignment.",
    "JobEscrow_AssignmentMismatch": _SIGNATURE,
    "JobEscrow_AssignmentExpired": _SIGNATURE,
    "JobEscrow_BadAssignmentSignature": "Ask for an assignment signed by the dispatcher that the terms name.",
    "JobEscrow_DeadlinePassed": "The milestone is lost; the job can be expired and taken again.",
    "JobEscrow_ClaimsPending": "Wait until the claims are final and `finalize` them first.",
    "JobEscrow_NoClaimPending": "There is nothing to do: the milestone is not claimed, or was paid or voided.",
    "JobEscrow_DeadlineNotPassed": "Wait until the deadline has passed.",
    "JobEscrow_NotSettlement": _NOT_YOURS,
    "JobEscrow_WrongMilestone": _CLAIM_NEXT,
    "JobEscrow_NothingToWithdraw": "There is nothing to do: the account has no credit in this token.",
    "JobEscrow_Misdeployed": _DEPLOY,
    # MilestoneSettlement
    "MilestoneSettlement_InputNotInJob": "Use the job's own input of this milestone and its path.",
    "MilestoneSettlement_BadTraceRoot": "Claim an Optimistic milestone with its trace's root, 32 bytes, as the proof.",
    "MilestoneSettlement_TooLittleGas": "Send the transaction with more gas.",
    "MilestoneSettlement_CheckFailed": "Prove the milestone again; the verifier refused this proof without saying why.",
    "MilestoneSettlement_WrongMagic": "The adapter is not one; register the model with another.",
    "MilestoneSettlement_NotJudge": "Show the fault to the judge that the model names; only it may tell the settlement.",
    "MilestoneSettlement_NotFinal": "Wait until the claim's challenge window is over.",
    "MilestoneSettlement_AlreadyFinal": "There is nothing to do: the claim's challenge window is over.",
    "MilestoneSettlement_NothingClaimed": "There is nothing to do: no claim of this job awaits finality.",
    "MilestoneSettlement_Misdeployed": _DEPLOY,
    # StakeManager
    "StakeManager_ZeroAmount": "Give an amount above zero.",
    "StakeManager_ZeroAddress": "Give a real address.",
    "StakeManager_StakeTooLow": "Deposit more stake, or wait until running jobs release theirs.",
    "StakeManager_AmountTooLarge": "Lower the amount; an operator's stake has 96 bits.",
    "StakeManager_NotEscrow": _NOT_YOURS,
    "StakeManager_NotAgent": "Have the operator's cold key appoint this agent.",
    "StakeManager_LockTooLow": _REPORT,
    "StakeManager_BadDivision": _REPORT,
    "StakeManager_StillLocked": "Wait until running jobs release the stake.",
    "StakeManager_StillUnbonding": "Wait until the unbonding delay is over.",
    "StakeManager_NothingToWithdraw": "There is nothing to do: nothing is waiting for this account.",
    "StakeManager_UnexpectedAmount": _AMOUNT,
    # ProtocolParameters
    "ProtocolParameters_OutOfBounds": "Choose a value inside the bounds; no key can move them.",
    "ProtocolParameters_UnknownEconomy": "Use a version from 1 to the present one.",
    "ProtocolParameters_NewJobsPaused": "Wait until the governor lets new jobs in again; jobs that are there go on.",
    # ModelRegistry
    "ModelRegistry_UnknownModel": "Register the model first.",
    "ModelRegistry_UnknownAdapter": "Use an adapter that this deployment's router lists for the proof kind.",
    "ModelRegistry_BadSpec": "Correct the named field of the specification.",
    # VerifierRouter
    "VerifierRouter_AdapterExists": "There is nothing to do: the adapter is listed already.",
    "VerifierRouter_NotAContract": "Give the address of a deployed adapter.",
    "VerifierRouter_ZeroGasCap": "Give the most gas that a check may take.",
    # EzklVerifierAdapter
    "EzklVerifierAdapter_ProgramMismatch": "Prove with the circuit that the model id commits to.",
    "EzklVerifierAdapter_InputMismatch": _FORGED,
    "EzklVerifierAdapter_OutputMismatch": _FORGED,
    "EzklVerifierAdapter_BadInstanceCount": _FORGED,
    "EzklVerifierAdapter_InstanceNotCanonical": _FORGED,
    "EzklVerifierAdapter_ProofRejected": _FORGED,
    "EzklVerifierAdapter_ProgramNotRegistered": "Show the verifier the model's key first (`register_program`), then claim.",
    "EzklVerifierAdapter_BadEncoding": "Encode the proof as `IEzklVerifierAdapter.EzklProof` says, and nothing after it.",
    "EzklVerifierAdapter_BadProofLength": _FORGED,
    "EzklVerifierAdapter_NotAContract": _DEPLOY,
    # tokens (OpenZeppelin's ERC-20 and what stands on it)
    "ERC20InsufficientBalance": _BALANCE,
    "ERC20InsufficientAllowance": _ALLOWANCE,
    "ERC20InvalidSender": "Give a real address.",
    "ERC20InvalidReceiver": "Give a real address.",
    "ERC20InvalidApprover": "Give a real address.",
    "ERC20InvalidSpender": "Give a real address.",
    "ERC2612ExpiredSignature": "Sign the permit again with a later deadline.",
    "ERC2612InvalidSigner": "Sign the permit with the owner's key.",
    "InvalidAccountNonce": "Sign again with the account's present nonce.",
    "SafeERC20FailedOperation": "The token refused the transfer; check balance and allowance.",
    "ReentrancyGuardReentrantCall": "A token called back into the contract; use another token.",
    # Permit2
    "InvalidAmount": _REPORT,
    "SignatureExpired": _ORDER,
    "InvalidNonce": "Sign the order with a nonce that neither the escrow nor Permit2 has seen.",
    "InvalidSignature": _PERMIT2_SIGNED,
    "InvalidSignatureLength": _PERMIT2_SIGNED,
    "InvalidSigner": _PERMIT2_SIGNED,
    "InvalidContractSignature": _PERMIT2_SIGNED,
    # governance (OpenZeppelin's AccessManager and TimelockController, and what stands on them)
    "AccessManagedUnauthorized": "Let governance do this: only the authority's roles may.",
    "AccessManagedInvalidAuthority": "Give the address of a deployed authority.",
    "AccessManagedRequiredDelay": "Schedule the call with the authority first.",
    "AccessManagerAlreadyScheduled": "There is nothing to do: the operation is scheduled already.",
    "AccessManagerBadConfirmation": "Renounce with the account's own address.",
    "AccessManagerExpired": "Schedule the operation anew.",
    "AccessManagerInvalidInitialAdmin": "Give a real address.",
    "AccessManagerLockedFunction": "The authority keeps this function's role; choose another function.",
    "AccessManagerLockedRole": "The authority keeps this role; choose another one.",
    "AccessManagerNotReady": "Wait until the operation's delay is over.",
    "AccessManagerNotScheduled": "Schedule the operation first.",
    "AccessManagerUnauthorizedAccount": _ROLE,
    "AccessManagerUnauthorizedCall": _ROLE,
    "AccessManagerUnauthorizedCancel": _ROLE,
    "AccessManagerUnauthorizedConsume": _NOT_YOURS,
    "AccessControlBadConfirmation": "Renounce with the account's own address.",
    "AccessControlUnauthorizedAccount": _ROLE,
    "TimelockInsufficientDelay": "Schedule with at least the timelock's delay.",
    "TimelockInvalidOperationLength": "Give as many values and payloads as targets.",
    "TimelockUnauthorizedCaller": "Schedule this through the timelock; only it may change itself.",
    "TimelockUnexecutedPredecessor": "Execute the operation's predecessor first.",
    "TimelockUnexpectedOperationState": _SCHEDULE,
    "AddressEmptyCode": "Give the address of a contract.",
    "FailedCall": "The call that was carried out refused without saying why; simulate it alone.",
    "InsufficientBalance": "Send along what the call is to pass on.",
    "SafeCastOverflowedUintDowncast": "Give a smaller number.",
    "ECDSAInvalidSignature": _SIGNATURE,
    "ECDSAInvalidSignatureLength": _SIGNATURE,
    "ECDSAInvalidSignatureS": _SIGNATURE,
    "InvalidShortString": "Use a name of at most 31 bytes.",
    "StringTooLong": "Use a name of at most 31 bytes.",
}
