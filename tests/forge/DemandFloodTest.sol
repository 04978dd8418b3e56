// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Demand} from "../../contracts/types/DemandTypes.sol";
import {ClaimRef} from "../../contracts/types/DisputeTypes.sol";
import {JobId, JobTerms} from "../../contracts/types/JobTypes.sol";
import {DemandStage} from "./demands/DemandStage.sol";
import {TensorWood} from "./demands/TensorWood.sol";

/// @notice A flood: a thousand demands of one claim, one for each tensor of its trace.
contract DemandFloodTest is DemandStage {
    using TensorWood for TensorWood.Tree;

    uint256 private constant FLOOD = 1_000;
    uint256 private constant GAS_PRICE = 20 gwei;

    JobTerms private terms;
    ClaimRef private claimed;
    bytes private program;
    bytes32[] private roots;
    bytes32[][] private paths;

    function setUp() public {
        vm.fee(GAS_PRICE - 1 gwei);
        for (uint256 t = 0; t < FLOOD; ++t) {
            roots.push(TensorWood.tensorOf(_header(256), TensorWood.leafOf(_leaf(t, 0))));
        }
        TensorWood.Tree memory list = TensorWood.grow(roots);
        for (uint256 t = 0; t < FLOOD; ++t) {
            bytes32[] memory path = new bytes32[](10);
            for (uint256 level = 0; level < 10; ++level) {
                path[level] = list.levels[level][(t >> level) ^ 1];
            }
            paths.push(path);
        }
        program = abi.encodePacked(
            uint32(1), uint32(FLOOD), keccak256("steps"), uint32(0), bytes32(0), uint8(1), _header(4), uint32(2)
        );
        JobTerms memory job = _termsOf(0);
        job.modelId = escrow.registry().register(_spec(program));
        vm.prank(job.creator);
        escrow.createJob(job);
        _claim(job, operators[0], list.root());
        terms = job;
        claimed = ClaimRef(0, INPUT, OUTPUT, list.root());
        vm.deal(finders[1], 1e12 ether);
    }

    function test_flood_of_a_thousand_demands_costs_its_sender_and_moves_no_finality() public {
        JobId jobId = escrow.jobIdOf(terms);
        uint256 bound = settlement.claimOf(jobId, 0).claimedAt + 3 * WINDOW;
        (uint256 firstGas, uint256 lastGas) = _flood(jobId);
        mustHold(lastGas <= firstGas, "41: the thousandth demand costs no more gas than the first");
        uint256 finalAt = settlement.claimOf(jobId, 0).finalAt;
        mustHold(finalAt == settlement.claimOf(jobId, 0).claimedAt + WINDOW + 4 * STEP, "38: by the level alone");
        mustHold(finalAt <= bound, "38: a claim is final within three windows");

        uint256 spent = _answers();
        uint256 paid = demands.creditOf(operators[0]);
        mustHold(paid >= spent * GAS_PRICE, "39: the fees are more than the answers cost");
        mustHold(demands.burnt() > 1_300 * paid, "39: a flood burns more than a thousand fees for each that it pays");
        mustEqual(demands.openOf(demands.claimKeyOf(jobId, 0)), 0, "41: every demand has ended");
        mustEqual(address(demands).balance, paid + demands.burnt(), "39: every coin is somebody's or burnt");
        vm.warp(finalAt + 1);
        settlement.finalize(terms);
    }

    function _demand(uint256 t) private view returns (Demand memory) {
        return Demand(2, false, uint32(t), 0, 0, 0, roots[t]);
    }

    function _flood(JobId jobId) private returns (uint256 firstGas, uint256 lastGas) {
        for (uint256 t = 0; t < FLOOD; ++t) {
            Demand memory one = _demand(t);
            uint256 price = demands.priceOf(jobId, 0, one);
            bytes memory evidence = abi.encodePacked(program, paths[t]);
            vm.prank(finders[1]);
            uint256 before = gasleft();
            demands.demand{value: price}(terms, claimed, one, evidence);
            lastGas = before - gasleft();
            if (t == 0) firstGas = lastGas;
        }
    }

    /// @dev Gas of all answers as transactions, with all of their calldata at the floor for bytes that are not zero.
    function _answers() private returns (uint256 spent) {
        for (uint256 t = 0; t < FLOOD; ++t) {
            bytes memory shown = abi.encodePacked(_header(256), _leaf(t, 0));
            bytes memory call = abi.encodeCall(demands.answer, (terms, 0, _demand(t), shown));
            uint256 before = gasleft();
            (bool done,) = address(demands).call(call);
            uint256 used = before - gasleft();
            mustHold(done, "41: what was asked can be shown");
            uint256 standard = 21_000 + 16 * call.length + used;
            uint256 least = 21_000 + 40 * call.length;
            spent += standard > least ? standard : least;
        }
    }
}
