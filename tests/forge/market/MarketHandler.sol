// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Acting} from "./Acting.sol";
import {MarketChecks} from "./MarketChecks.sol";

/// @notice The whole market as one contract that a campaign calls: everybody's actions, and the rules that hold after
/// them.
contract MarketHandler is MarketChecks {
    /// @param salt_ Two campaigns of one seed play the same numbers; with other salts they mean other things.
    constructor(uint256 salt_) Acting(salt_) {}

    /// @notice Everything that anybody does.
    /// @dev Forge picks evenly, so what a job needs to get on is named as often as it takes.
    function actions() external pure returns (bytes4[] memory all) {
        return _mix(3, 1);
    }

    /// @notice The same, with fewer attacks in between: more jobs come to the end of their lives.
    function busyActions() external pure returns (bytes4[] memory all) {
        return _mix(8, 1);
    }

    function _mix(uint256 ofWork, uint256 ofAttacks) private pure returns (bytes4[] memory all) {
        bytes4[] memory work = _work();
        bytes4[] memory attacks = _attacks();
        all = new bytes4[](work.length * ofWork + attacks.length * ofAttacks);
        uint256 next = 0;
        for (uint256 i = 0; i < work.length * ofWork; ++i) {
            all[next++] = work[i % work.length];
        }
        for (uint256 i = 0; i < attacks.length * ofAttacks; ++i) {
            all[next++] = attacks[i % attacks.length];
        }
    }

    /// @dev What moves jobs and money. The order says nothing; the number of times does.
    function _work() private pure returns (bytes4[] memory) {
        bytes4[32] memory list = [
            this.create.selector,
            this.create.selector,
            this.createWithPermit.selector,
            this.signOrder.selector,
            this.postOrder.selector,
            this.acceptOrder.selector,
            this.accept.selector,
            this.accept.selector,
            this.accept.selector,
            this.accept.selector,
            this.claim.selector,
            this.claim.selector,
            this.claim.selector,
            this.claim.selector,
            this.claimMany.selector,
            this.releaseEarly.selector,
            this.finalize.selector,
            this.finalizeMany.selector,
            this.expire.selector,
            this.expireMany.selector,
            this.proveFault.selector,
            this.proveFault.selector,
            this.extend.selector,
            this.refund.selector,
            this.withdraw.selector,
            this.withdrawReward.selector,
            this.deposit.selector,
            this.deposit.selector,
            this.requestUnbond.selector,
            this.completeUnbond.selector,
            this.pass.selector,
            this.passToEdge.selector
        ];
        return abi.decode(bytes.concat(abi.encode(32, list.length), abi.encode(list)), (bytes4[]));
    }

    function _attacks() private pure returns (bytes4[] memory) {
        bytes4[19] memory list = [
            this.cancel.selector,
            this.cancelOrders.selector,
            this.cancelUnbond.selector,
            this.depositWithPermit.selector,
            this.appointAgent.selector,
            this.claimForged.selector,
            this.callInside.selector,
            this.slashHonest.selector,
            this.wakeEnded.selector,
            this.changeTerms.selector,
            this.changeBit.selector,
            this.seizePower.selector,
            this.setEconomy.selector,
            this.setEntryRules.selector,
            this.pauseOrResume.selector,
            this.reenter.selector,
            this.reenterByToken.selector,
            this.donate.selector,
            this.changeMind.selector
        ];
        return abi.decode(bytes.concat(abi.encode(32, list.length), abi.encode(list)), (bytes4[]));
    }
}
