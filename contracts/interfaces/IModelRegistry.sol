// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ModelId, ProofKind} from "../types/JobTypes.sol";
import {ModelSpec} from "../types/ClaimTypes.sol";
import {IVerifierRouter} from "./IVerifierRouter.sol";

/// @title  Model id -> what the model is: program, weights, verifier, artifacts.
/// @notice An id is the hash of the specification, so registering is open to all and says nothing about who did it.
interface IModelRegistry {
    error ModelRegistry_UnknownModel(ModelId modelId);
    error ModelRegistry_UnknownAdapter(ProofKind proofKind, address adapter);
    error ModelRegistry_BadSpec(string reason);

    event ModelRegistered(ModelId indexed modelId, ProofKind indexed proofKind, bytes32 indexed programId, ModelSpec spec);

    /// @notice Registers a specification. Registering the same one again changes nothing and returns the same id.
    /// @dev    Requires: `schemaVersion` 1; an adapter that the router has for this proof kind; a `programId` and a
    ///         `manifest`. Emits ModelRegistered the first time.
    function register(ModelSpec calldata spec) external returns (ModelId modelId);

    /// @notice `keccak256(abi.encode(spec))`: seven words.
    function modelIdOf(ModelSpec calldata spec) external pure returns (ModelId);

    /// @notice Reverts for an unknown id.
    function specOf(ModelId modelId) external view returns (ModelSpec memory);

    /// @notice What a claim has to be checked with: who checks, with at most how much gas, for which program. The cap is the
    ///         router's, which never changes. Reverts for an unknown id.
    function programOf(ModelId modelId) external view returns (address adapter, uint256 gasCap, bytes32 programId);

    /// @notice Reverts for an unknown id.
    function proofKindOf(ModelId modelId) external view returns (ProofKind);

    /// @notice Whose adapters a model may name. Fixed at deployment.
    function router() external view returns (IVerifierRouter);
}
