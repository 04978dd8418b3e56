// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ForgeTest} from "./ForgeTest.sol";
import {DemandHandler} from "./demands/DemandHandler.sol";

/// @notice The campaign over demands: operators who answer and who do not, whoever asks, thieves, a clock that jumps to every
/// edge, and base fees from nothing to a spike.
contract DemandTest is ForgeTest {
    DemandHandler private handler;
    bytes4[] private actions;

    function setUp() public {
        handler = new DemandHandler();
        targetContract(address(handler));
        bytes4[13] memory named = [
            handler.claim.selector,
            handler.claim.selector,
            handler.ask.selector,
            handler.ask.selector,
            handler.ask.selector,
            handler.askWrongly.selector,
            handler.answer.selector,
            handler.answer.selector,
            handler.fault.selector,
            handler.giveBack.selector,
            handler.finalize.selector,
            handler.passToEdge.selector,
            handler.pass.selector
        ];
        for (uint256 i = 0; i < named.length; ++i) {
            actions.push(named[i]);
        }
        actions.push(handler.withdraw.selector);
        actions.push(handler.reachInside.selector);
        actions.push(handler.setBaseFee.selector);
        targetSelector(address(handler), actions);
    }

    /// @dev A campaign that stays at home would prove nothing: everything is obeyed often, and refused often.
    function test_campaign_when_played_for_a_thousand_calls_reaches_everything() public {
        for (uint256 i = 0; i < 1_000; ++i) {
            uint256 random = uint256(keccak256(abi.encode("reach", i)));
            (bool done, bytes memory why) =
                address(handler).call(abi.encodeWithSelector(actions[random % actions.length], random));
            if (!done) assertEq(why, "FOUNDRY::ASSUME", "a handler reverts only where it has nothing to work on");
        }
        handler.check();
        handler.drain();
        string[6] memory names = ["ask", "answer", "fault", "give back", "withdraw", "finalize"];
        for (uint256 i = 0; i < names.length; ++i) {
            assertLe(5, handler.counts(names[i], 0), string.concat("often enough obeyed: ", names[i]));
            assertLe(5, handler.counts(names[i], 1), string.concat("often enough refused: ", names[i]));
        }
        assertLe(20, handler.counts("ask wrongly", 1), "often enough refused: ask wrongly");
        assertLe(20, handler.counts("reach inside", 1), "often enough refused: reach inside");
    }

    function invariant_demands() public view {
        handler.check();
    }

    function afterInvariant() public {
        handler.drain();
    }
}
