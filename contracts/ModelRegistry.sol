// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IVerifierRouter} from "./interfaces/IVerifierRouter.sol";
import {ModelId, ProofKind} from "./types/JobTypes.sol";
import {ModelSpec} from "./types/ClaimTypes.sol";

/// @title Models by the hash of what they are. No owner; nothing that was registered changes or goes away.
contract ModelRegistry is IModelRegistry {
    /// @notice Layout of ModelSpec that this registry reads.
    uint16 public constant SCHEMA_VERSION = 1;

    IVerifierRouter private immutable ROUTER;

    mapping(ModelId => ModelSpec) private specs;

    constructor(IVerifierRouter router_) {
        ROUTER = router_;
    }

    /// @inheritdoc IModelRegistry
    function register(ModelSpec calldata spec) external returns (ModelId modelId) {
        modelId = modelIdOf(spec);
        // Absent on purpose: a refusal of what is there already. Two people may bring the same model.
        if (_isKnown(modelId)) return modelId;

        // Check: of a layout we know, with everything that a check of its proofs will need.
        if (spec.schemaVersion != SCHEMA_VERSION) revert ModelRegistry_BadSpec("schemaVersion: not 1");
        if (spec.proofKind == ProofKind.None) revert ModelRegistry_BadSpec("proofKind: None");
        if (spec.programId == bytes32(0)) revert ModelRegistry_BadSpec("programId: zero");
        if (spec.manifest == bytes32(0)) revert ModelRegistry_BadSpec("manifest: zero");
        if (ROUTER.gasCapOf(spec.proofKind, spec.adapter) == 0) {
            revert ModelRegistry_UnknownAdapter(spec.proofKind, spec.adapter);
        }

        // Effect
        specs[modelId] = spec;
        emit ModelRegistered(modelId, spec.proofKind, spec.programId, spec);
    }

    /// @inheritdoc IModelRegistry
    function specOf(ModelId modelId) external view returns (ModelSpec memory) {
        if (!_isKnown(modelId)) revert ModelRegistry_UnknownModel(modelId);
        return specs[modelId];
    }

    /// @inheritdoc IModelRegistry
    function router() external view returns (IVerifierRouter) {
        return ROUTER;
    }

    /// @inheritdoc IModelRegistry
    function modelIdOf(ModelSpec calldata spec) public pure returns (ModelId) {
        return ModelId.wrap(keccak256(abi.encode(spec)));
    }

    function _isKnown(ModelId modelId) private view returns (bool) {
        return specs[modelId].schemaVersion != 0;
    }
}
