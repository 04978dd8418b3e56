// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IVerifierRouter} from "./interfaces/IVerifierRouter.sol";
import {ModelId, ProofKind} from "./types/JobTypes.sol";
import {ModelSpec} from "./types/ClaimTypes.sol";

/// @title Models by the hash of what they are. No owner; nothing that was registered changes or goes away.
contract ModelRegistry is IModelRegistry {
    /// @dev A ModelSpec in order of use: what every claim reads lies in the first two slots.
    struct Model {
        uint16 schemaVersion; // zero: not registered
        ProofKind proofKind;
        uint32 semanticsVersion;
        address adapter;
        uint40 gasCap; //        the router's, which never changes
        bytes32 programId;
        bytes32 weightsRoot;
        bytes32 manifest;
    }

    /// @notice Layout of ModelSpec that this registry reads.
    uint16 public constant SCHEMA_VERSION = 1;

    IVerifierRouter private immutable ROUTER;

    mapping(ModelId => Model) private models;

    constructor(IVerifierRouter router_) {
        ROUTER = router_;
    }

    /// @inheritdoc IModelRegistry
    function register(ModelSpec calldata spec) external returns (ModelId modelId) {
        modelId = modelIdOf(spec);
        // Absent on purpose: a refusal of what is there already. Two people may bring the same model.
        if (models[modelId].schemaVersion != 0) return modelId;

        // Check: of a layout we know, with everything that a check of its proofs will need.
        if (spec.schemaVersion != SCHEMA_VERSION) revert ModelRegistry_BadSpec("schemaVersion: not 1");
        if (spec.proofKind == ProofKind.None) revert ModelRegistry_BadSpec("proofKind: None");
        if (spec.programId == bytes32(0)) revert ModelRegistry_BadSpec("programId: zero");
        if (spec.manifest == bytes32(0)) revert ModelRegistry_BadSpec("manifest: zero");
        uint40 gasCap = ROUTER.gasCapOf(spec.proofKind, spec.adapter);
        if (gasCap == 0) revert ModelRegistry_UnknownAdapter(spec.proofKind, spec.adapter);

        // Effect
        models[modelId] = Model({
            schemaVersion: spec.schemaVersion,
            proofKind: spec.proofKind,
            semanticsVersion: spec.semanticsVersion,
            adapter: spec.adapter,
            gasCap: gasCap,
            programId: spec.programId,
            weightsRoot: spec.weightsRoot,
            manifest: spec.manifest
        });
        emit ModelRegistered(modelId, spec.proofKind, spec.programId, spec);
    }

    /// @inheritdoc IModelRegistry
    function specOf(ModelId modelId) external view returns (ModelSpec memory) {
        Model storage model = _known(modelId);
        return ModelSpec({
            schemaVersion: model.schemaVersion,
            proofKind: model.proofKind,
            semanticsVersion: model.semanticsVersion,
            adapter: model.adapter,
            programId: model.programId,
            weightsRoot: model.weightsRoot,
            manifest: model.manifest
        });
    }

    /// @inheritdoc IModelRegistry
    function programOf(ModelId modelId) external view returns (address adapter, uint256 gasCap, bytes32 programId) {
        Model storage model = _known(modelId);
        return (model.adapter, model.gasCap, model.programId);
    }

    /// @inheritdoc IModelRegistry
    function proofKindOf(ModelId modelId) external view returns (ProofKind) {
        return _known(modelId).proofKind;
    }

    /// @inheritdoc IModelRegistry
    function router() external view returns (IVerifierRouter) {
        return ROUTER;
    }

    /// @inheritdoc IModelRegistry
    function modelIdOf(ModelSpec calldata spec) public pure returns (ModelId) {
        return ModelId.wrap(keccak256(abi.encode(spec)));
    }

    function _known(ModelId modelId) private view returns (Model storage model) {
        model = models[modelId];
        if (model.schemaVersion == 0) revert ModelRegistry_UnknownModel(modelId);
    }
}
