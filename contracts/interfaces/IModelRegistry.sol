// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ModelId, ProofKind} from "../types/JobTypes.sol";
import {ModelSpec} from "../types/ClaimTypes.sol";

/// @title  Model id -> what the model is: program, weights, verifier, artifacts.
/// @notice An id is the hash of the specification, so registering is open to all and says nothing about who did it.
interface IModelRegistry {
    error ModelRegistry_UnknownModel(ModelId modelId);
    error ModelRegistry_UnknownAdapter(ProofKind proofKind, address adapter);
    error ModelRegistry_BadSpec(string reason);

    event ModelRegistered(ModelId indexed modelId, ProofKind indexed proofKind, bytes32 indexed programId, ModelSpec spec);

    /// @notice Registers a specification. Registering the same one again changes nothing and returns the same id.
    function register(ModelSpec calldata spec) external returns (ModelId modelId);

    function modelIdOf(ModelSpec calldata spec) external pure returns (ModelId);

    /// @notice Reverts for an unknown id.
    function specOf(ModelId modelId) external view returns (ModelSpec memory);
}
