// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Claim, Statement} from "../../../contracts/types/ClaimTypes.sol";
import {JobId, JobMode, JobTerms, ModelId, ProofKind} from "../../../contracts/types/JobTypes.sol";

import {Dice} from "./Dice.sol";
import {InputTree} from "./InputTree.sol";
import {MarketStage} from "./MarketStage.sol";
import {TypedData} from "./TypedData.sol";

/// @notice Jobs out of seeds: terms of many shapes, the inputs behind them, claims and proofs.
/// @dev A seed is all that is kept of a job's terms; they are made anew wherever a call needs them. Two of its bits can
/// be asked for, the rest is chance.
abstract contract JobMaker is MarketStage {
    uint256 private constant CHAINED_BIT = 1 << 200;
    uint256 private constant SIGNER_BIT = 1 << 201;

    bytes32 internal immutable jobDomain;

    constructor() {
        jobDomain = TypedData.domain("Tallystick", block.chainid, address(escrow));
    }

    /// @param signer Whether the creator is to be one who pays by signature, or one whose allowance stands.
    function _newTerms(uint256 seed, bool signer) internal view returns (uint256, JobTerms memory) {
        seed = signer ? seed | SIGNER_BIT : seed & ~SIGNER_BIT;
        uint256 count = _countOf(uint256(keccak256(abi.encode(uint64(seed)))));
        return (seed, _termsOf(seed, _inputRootOf(seed, count)));
    }

    /// @dev Everything but the input root, which takes a tree to compute: see `_inputRootOf`.
    function _termsOf(uint256 seed, bytes32 inputRoot) internal view returns (JobTerms memory terms) {
        Dice memory dice = Dice(seed);
        terms.salt = uint64(seed);
        terms.inputRoot = inputRoot;
        terms.manifest = keccak256("job manifest");
        bool signer = seed & SIGNER_BIT != 0;
        terms.creator = signer ? creators[FIRST_SIGNER + dice.roll(2)] : creators[dice.roll(FIRST_SIGNER)];
        terms.mode = _modeOf(seed);
        uint256 model = dice.roll(4);
        terms.modelId = models[model];
        terms.proofKind = model < 2 ? ProofKind.Zk : ProofKind.Optimistic;
        // Once in twenty below the least window that the rules of the day may ask for.
        if (model >= 2) terms.challengeSeconds = uint32(dice.between(dice.chance(20) ? 1 : 60, 400));
        // Who pays by signature needs a token that reads one: the plain token does, and the stake token.
        terms.paymentToken = signer ? tokens[dice.chance(2) ? 0 : 4] : tokens[dice.roll(tokens.length)];
        _price(terms, dice);
        _time(terms, dice);
        _milestones(terms, dice);
    }

    function _price(JobTerms memory terms, Dice memory dice) private pure {
        uint256 size = dice.roll(8);
        if (size == 0) terms.maxPrice = uint96(dice.between(1, 20)); // where rounding is all there is
        else if (size == 1) terms.maxPrice = type(uint96).max - uint96(dice.roll(2));
        else terms.maxPrice = uint96(dice.between(1, 40 * TALLY));
        uint256 shape = dice.roll(4);
        if (shape == 0) terms.minPrice = terms.maxPrice;
        else if (shape > 1) terms.minPrice = uint96(dice.roll(uint256(terms.maxPrice) + 1));
        terms.rampSeconds = dice.chance(4) ? 0 : uint32(dice.between(1, 2_000));
        // Large locks are for the one who has stake without end; and now and then one below the least.
        size = dice.roll(16);
        if (size == 0) terms.stakeLock = uint96(dice.between(2 ** 80, 2 ** 94));
        else if (size == 1) terms.stakeLock = uint96(dice.between(TALLY / 2, TALLY));
        else terms.stakeLock = uint96(dice.between(TALLY, 50 * TALLY));
    }

    function _time(JobTerms memory terms, Dice memory dice) private view {
        terms.acceptSeconds = uint32(dice.between(100, 3_000));
        if (dice.chance(2)) return;
        terms.dispatcher = dispatchers[dice.roll(2)];
        terms.exclusiveSeconds = uint32(dice.between(0, terms.acceptSeconds));
        terms.dispatcherFeeBps = uint16(dice.roll(1_001));
    }

    function _milestones(JobTerms memory terms, Dice memory dice) private pure {
        uint256 count = _countOf(uint256(keccak256(abi.encode(terms.salt))));
        terms.shareBps = new uint16[](count);
        terms.durationSeconds = new uint32[](count);
        uint256 left = 10_000;
        for (uint256 m = 0; m < count; ++m) {
            // The last one takes what is left, and so at least as many bps as there are milestones after none.
            uint256 most = (2 * left) / (count - m) - 1;
            uint256 share = m + 1 == count ? left : dice.between(1, most);
            terms.shareBps[m] = uint16(share);
            left -= share;
            terms.durationSeconds[m] = uint32(dice.between(50, 600));
        }
    }

    function _countOf(uint256 roll) private pure returns (uint256) {
        uint8[8] memory counts = [1, 1, 2, 2, 3, 4, 5, 8];
        return counts[roll % 8];
    }

    function _modeOf(uint256 seed) internal pure returns (JobMode) {
        return seed & CHAINED_BIT == 0 ? JobMode.Parallel : JobMode.Chained;
    }

    function _idOf(JobTerms memory terms) internal view returns (JobId) {
        return JobId.wrap(TypedData.digest(jobDomain, TypedData.hash(terms)));
    }

    // ---- inputs, claims, proofs ----------------------------------------------------------------------------------

    function _inputsOf(uint256 seed, uint256 count) internal pure returns (bytes32[] memory inputs) {
        inputs = new bytes32[](count);
        for (uint256 m = 0; m < count; ++m) {
            inputs[m] = keccak256(abi.encode("input", seed, m));
        }
    }

    function _inputRootOf(uint256 seed, uint256 count) internal pure returns (bytes32) {
        bytes32[] memory inputs = _inputsOf(seed, count);
        return _modeOf(seed) == JobMode.Chained ? inputs[0] : InputTree.build(inputs)[1];
    }

    /// @notice A claim of `milestone` of a parallel job, right but for its empty proof.
    function _parallelClaim(uint256 seed, uint256 count, uint16 milestone) internal pure returns (Claim memory claim) {
        bytes32[] memory inputs = _inputsOf(seed, count);
        claim.milestone = milestone;
        claim.inputRoot = inputs[milestone];
        claim.inputProof = InputTree.path(InputTree.build(inputs), milestone);
    }

    /// @notice What a claim is about, put together here and not by the contract.
    function _statement(JobTerms memory terms, JobId jobId, Claim memory claim)
        internal
        view
        returns (Statement memory)
    {
        return Statement({
            schemaVersion: 1,
            chainId: block.chainid,
            settlement: address(settlement),
            jobId: jobId,
            milestone: claim.milestone,
            modelId: terms.modelId,
            inputRoot: claim.inputRoot,
            startRoot: terms.mode == JobMode.Chained ? claim.inputRoot : bytes32(0),
            outputRoot: claim.outputRoot,
            proofKind: terms.proofKind
        });
    }

    /// @notice What MockAdapter takes for a right proof. An Optimistic claim carries a trace root instead.
    function _proof(JobTerms memory terms, JobId jobId, Claim memory claim) internal view returns (bytes memory) {
        if (terms.proofKind == ProofKind.Optimistic) {
            return abi.encode(keccak256(abi.encode("trace", claim.outputRoot)));
        }
        bytes32 program = programs[_numberOf(terms)];
        return abi.encodePacked(uint8(1), keccak256(abi.encode(program, _statement(terms, jobId, claim))));
    }

    /// @notice Place of the job's model among `models`.
    function _numberOf(JobTerms memory terms) internal view returns (uint256) {
        for (uint256 m = 0; m < 4; ++m) {
            if (ModelId.unwrap(models[m]) == ModelId.unwrap(terms.modelId)) return m;
        }
        revert ForgeBase_EmptyRange(0, 0);
    }
}
