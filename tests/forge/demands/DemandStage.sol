// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TraceDemands} from "../../../contracts/TraceDemands.sol";
import {TraceDispute} from "../../../contracts/TraceDispute.sol";
import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {IStepChecker} from "../../../contracts/interfaces/IStepChecker.sol";
import {Claim, ModelSpec} from "../../../contracts/types/ClaimTypes.sol";
import {Demand} from "../../../contracts/types/DemandTypes.sol";
import {ClaimRef} from "../../../contracts/types/DisputeTypes.sol";
import {Assignment, JobTerms, ModelId, ProofKind} from "../../../contracts/types/JobTypes.sol";

import {MarketStage} from "../market/MarketStage.sol";
import {TensorWood} from "./TensorWood.sol";

/// @notice A judge with its demands on the market's stage, one model, and a run of it that everybody claims.
/// @dev The trace has three tensors: of 2 leaves, of 70, and of 300, so of one, two and two demands. No judge ever looks at a step
/// here, so there are none behind the root of steps.
abstract contract DemandStage is MarketStage {
    using TensorWood for TensorWood.Tree;

    /// @dev Where anybody may ask, and what answers it.
    struct Place {
        Demand asked;
        bytes evidence;
        bytes answer;
        uint256 level;
        /// Of the answer as the price has it: of a tensor's first, the most there may be.
        uint256 priced;
    }

    uint32 internal constant WINDOW = 400;
    uint32 internal constant STEP = 100;
    bytes32 internal constant INPUT = keccak256("an input");
    bytes32 internal constant OUTPUT = keccak256("an output");

    TraceDispute internal immutable dispute;
    TraceDemands internal immutable demands;
    ModelId internal immutable model;
    bytes32 internal immutable traceRoot;
    Place[] internal places;

    constructor() {
        IStepChecker any = IStepChecker(address(adapter)); // something with code
        dispute = new TraceDispute(
            settlement,
            [any, any, any, any, any],
            vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 1)
        );
        demands = new TraceDemands(dispute);

        bytes memory program = abi.encodePacked(
            uint32(1), uint32(3), keccak256("steps"), uint32(0), bytes32(0), uint8(1), _header(4), uint32(2)
        );
        traceRoot = _plant(program);
        vm.prank(governor);
        router.addAdapter(ProofKind.Optimistic, address(dispute), GAS_CAP);
        IModelRegistry registry = escrow.registry();
        model = registry.register(_spec(program));
    }

    function _spec(bytes memory program) internal view returns (ModelSpec memory) {
        bytes32 programId = sha256(abi.encodePacked(uint8(4), program));
        return ModelSpec(1, ProofKind.Optimistic, 1, address(dispute), programId, 0, "manifest");
    }

    function _header(uint64 elements) internal pure returns (bytes memory) {
        return abi.encodePacked(uint8(1), uint8(1), uint32(elements), elements);
    }

    function _leaf(uint256 tensor, uint256 index) internal pure returns (bytes memory data) {
        for (uint256 part = 0; part < 8; ++part) {
            data = abi.encodePacked(data, keccak256(abi.encode(tensor, index, part)));
        }
    }

    /// @dev Every place of the trace at which anybody may ask.
    function _plant(bytes memory program) private returns (bytes32) {
        uint16[3] memory sizes = [2, 70, 300];
        TensorWood.Tree[] memory trees = new TensorWood.Tree[](3);
        bytes32[] memory roots = new bytes32[](3);
        for (uint256 t = 0; t < 3; ++t) {
            bytes32[] memory leaves = new bytes32[](sizes[t]);
            for (uint256 i = 0; i < sizes[t]; ++i) {
                leaves[i] = TensorWood.leafOf(_leaf(t, i));
            }
            trees[t] = TensorWood.grow(leaves);
            roots[t] = TensorWood.tensorOf(_header(uint64(sizes[t]) * 256), trees[t].root());
        }
        TensorWood.Tree memory list = TensorWood.grow(roots);
        places.push(
            Place(Demand(2, true, 0, 3, 2, 0, list.root()), program, abi.encodePacked(roots), 0, 3 * 32)
        );
        for (uint32 t = 0; t < 3; ++t) {
            _plantTensor(program, trees[t], list, t);
        }
        return list.root();
    }

    function _plantTensor(
        bytes memory program,
        TensorWood.Tree memory tree,
        TensorWood.Tree memory list,
        uint32 t
    ) private {
        uint256 depth = tree.levels.length - 1;
        bytes memory header = _header(uint64(tree.count * 256));
        bytes memory shown = depth <= 6 ? _data(t, 0, tree.count) : tree.below(depth, 0, depth - 7);
        places.push(
            Place(
                Demand(2, false, t, 0, 0, 0, list.levels[0][t]),
                abi.encodePacked(program, list.path(0, t)),
                abi.encodePacked(header, shown),
                1,
                1 << 14
            )
        );
        if (depth > 6) _plantBlocks(abi.encodePacked(program, header), tree, list.path(0, t), t);
    }

    /// @dev Of the many that are alike, the first, the last, and one between.
    function _plantBlocks(bytes memory start, TensorWood.Tree memory tree, bytes memory end, uint32 t) private {
        uint256 height = tree.levels.length - 8;
        uint256 last = (tree.count - 1) >> height;
        _plantBlock(start, tree, end, Demand(2, false, t, 0, uint8(height), 0, 0));
        _plantBlock(start, tree, end, Demand(2, false, t, 0, uint8(height), uint32(last / 2), 0));
        _plantBlock(start, tree, end, Demand(2, false, t, 0, uint8(height), uint32(last), 0));
    }

    function _plantBlock(
        bytes memory start,
        TensorWood.Tree memory tree,
        bytes memory end,
        Demand memory demand
    ) private {
        (uint256 height, uint256 index) = (demand.height, demand.index);
        (demand.count, demand.node) = (uint32(tree.count), tree.levels[height][index]);
        uint256 first = index << height;
        uint256 count = first + (1 << height) > tree.count ? tree.count - first : 1 << height;
        bytes memory path = abi.encodePacked(start, tree.path(height, index), end);
        places.push(Place(demand, path, _data(demand.tensor, first, count), 2, count * 256));
    }

    function _data(uint256 tensor, uint256 first, uint256 count) private pure returns (bytes memory data) {
        for (uint256 i = first; i < first + count; ++i) {
            data = abi.encodePacked(data, _leaf(tensor, i));
        }
    }

    // ---- jobs ------------------------------------------------------------------------------------------------------

    function _termsOf(uint256 salt) internal view returns (JobTerms memory terms) {
        terms.creator = creators[salt % 2];
        terms.salt = uint64(salt);
        terms.modelId = model;
        terms.proofKind = ProofKind.Optimistic;
        terms.inputRoot = sha256(abi.encodePacked(uint8(5), uint64(0), INPUT));
        terms.manifest = keccak256("job manifest");
        terms.paymentToken = address(plainToken);
        terms.minPrice = 1e6;
        terms.maxPrice = 1e6;
        terms.stakeLock = uint96(10 * TALLY);
        terms.acceptSeconds = 1e9;
        terms.challengeSeconds = WINDOW;
        terms.shareBps = new uint16[](1);
        terms.shareBps[0] = 10_000;
        terms.durationSeconds = new uint32[](1);
        terms.durationSeconds[0] = 300 days;
    }

    /// @dev The operator takes an open job and claims it.
    function _claim(JobTerms memory terms, address operator, bytes32 root) internal {
        Assignment memory none;
        if (stakes.freeStakeOf(operator) < terms.stakeLock) {
            vm.prank(operator);
            stakes.deposit(operator, terms.stakeLock);
        }
        vm.prank(operator);
        escrow.accept(terms, operator, none, "");
        vm.prank(operator);
        settlement.claim(terms, Claim(0, INPUT, new bytes32[](0), OUTPUT, 0, abi.encode(root)));
    }

    function _ref() internal view returns (ClaimRef memory) {
        return ClaimRef(0, INPUT, OUTPUT, traceRoot);
    }
}
