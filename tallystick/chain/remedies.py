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

REMEDIES: Mapping[str, str] = {
    # JobEscrow
    "JobEscrow_BadTerms": "Correct the named field of the terms.",
    "JobEscrow_NotCreator": "Use the creator's key.",
    "JobEscrow_JobExists": "The job is already funded; change the salt to post the same work again.",
    "JobEscrow_WrongStatus": "Read the job's state again; it has moved on, or was never created.",
    "JobEscrow_UnexpectedAmount": _AMOUNT,
    "JobEscrow_AcceptWindowOver": "The offer has lapsed; `refund` sends the deposit home.",
    "JobEscrow_AcceptWindowOpen": "Wait until the accept window closes, or have the creator `cancel`.",
    "JobEscrow_ExclusiveUntil": "Wait for the end of the exclusive time, or get the dispatcher's assignment.",
    "JobEscrow_AssignmentMismatch": _SIGNATURE,
    "JobEscrow_AssignmentExpired": _SIGNATURE,
    "JobEscrow_BadAssignmentSignature": "Ask for an assignment signed by the dispatcher that the terms name.",
    "JobEscrow_DeadlineNotPassed": "Wait until the deadline has passed.",
    "JobEscrow_NotSettlement": _NOT_YOURS,
    "JobEscrow_WrongMilestone": "Claim the first milestone that is not paid yet.",
    "JobEscrow_NothingToWithdraw": "There is nothing to do: the account has no credit in this token.",
    "JobEscrow_Misdeployed": _DEPLOY,
    # MilestoneSettlement
    "MilestoneSettlement_NotAssigned": "Read the job's state again; it is not assigned any more.",
    "MilestoneSettlement_WrongMilestone": "Claim the first milestone that is not paid yet.",
    "MilestoneSettlement_DeadlinePassed": "The milestone is lost; the job can be expired and taken again.",
    "MilestoneSettlement_InputNotInJob": "Use the job's own input of this milestone and its path.",
    "MilestoneSettlement_UnsupportedKind": "Use a job whose proof kind this deployment settles.",
    "MilestoneSettlement_Misdeployed": _DEPLOY,
    # StakeManager
    "StakeManager_ZeroAmount": "Give an amount above zero.",
    "StakeManager_ZeroAddress": "Give a real address.",
    "StakeManager_StakeTooLow": "Deposit more stake, or wait until running jobs release theirs.",
    "StakeManager_LockTooSmall": "Raise the job's stake lock to the minimum.",
    "StakeManager_NotEscrow": _NOT_YOURS,
    "StakeManager_NotAgent": "Have the operator's cold key appoint this agent.",
    "StakeManager_AlreadyLocked": _REPORT,
    "StakeManager_NotLocked": _REPORT,
    "StakeManager_SlashTooLarge": _REPORT,
    "StakeManager_StillUnbonding": "Wait until the unbonding delay is over.",
    "StakeManager_NothingToWithdraw": "There is nothing to do: nothing is waiting for this account.",
    "StakeManager_UnexpectedAmount": _AMOUNT,
    "StakeManager_BadSplit": "Give shares that add up to 10,000 bps with at least the minimum burn.",
    # ModelRegistry
    "ModelRegistry_UnknownModel": "Register the model first.",
    "ModelRegistry_UnknownAdapter": "Use an adapter that this deployment's router lists for the proof kind.",
    "ModelRegistry_BadSpec": "Correct the named field of the specification.",
    # VerifierRouter
    "VerifierRouter_AdapterExists": "There is nothing to do: the adapter is listed already.",
    "VerifierRouter_UnknownAdapter": "Use an adapter that this deployment's router lists for the proof kind.",
    "VerifierRouter_NotAContract": "Give the address of a deployed adapter.",
    "VerifierRouter_ZeroGasCap": "Give the most gas that a check may take.",
    "VerifierRouter_CheckFailed": "Prove the milestone again; the verifier refused this proof without saying why.",
    "VerifierRouter_WrongMagic": "The adapter is not one; register the model with another.",
    "VerifierRouter_TooLittleGas": "Send the transaction with more gas.",
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
    "OwnableUnauthorizedAccount": "Use the owner's key.",
    "OwnableInvalidOwner": "Give a real address.",
    "ECDSAInvalidSignature": _SIGNATURE,
    "ECDSAInvalidSignatureLength": _SIGNATURE,
    "ECDSAInvalidSignatureS": _SIGNATURE,
    "InvalidShortString": "Use a name of at most 31 bytes.",
    "StringTooLong": "Use a name of at most 31 bytes.",
}
