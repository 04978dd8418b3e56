// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ForgeTest} from "./ForgeTest.sol";
import {MarketHandler} from "./market/MarketHandler.sol";

/// @notice A campaign that stays at home would prove nothing: here is how far it gets.
contract MarketReachTest is ForgeTest {
    uint256 private constant CALLS = 4_000;

    MarketHandler private market;

    event Reached(string action, uint256 obeyed, uint256 refused);

    function setUp() public {
        market = new MarketHandler(3);
    }

    /// @dev The same calls as a campaign's, by dice of our own instead of forge's, and all in one run.
    function test_campaign_whenPlayedForFourThousandCalls_reachesEverything() public {
        uint256 idle = _play();
        market.drain();
        emit Reached("nothing to work on", idle, 0);
        assertLe(idle * 8, CALLS, "most calls find something to work on");
        _checkObeyed();
        _checkRefused();
    }

    function _play() private returns (uint256 idle) {
        bytes4[] memory actions = market.actions();
        for (uint256 i = 0; i < CALLS; ++i) {
            uint256 random = uint256(keccak256(abi.encode("reach", i)));
            (bool done, bytes memory why) =
                address(market).call(abi.encodeWithSelector(actions[random % actions.length], random));
            if (!done) {
                assertEq(why, "FOUNDRY::ASSUME", "a handler reverts only where it has nothing to work on");
                ++idle;
            }
            market.check();
        }
    }

    function _checkObeyed() private {
        _least(true, 80, "create", "deposit", "accept", "claim");
        _least(true, 25, "create with permit", "claim wrongly", "claim many", "prove fault");
        _least(true, 25, "refund", "withdraw", "withdraw reward", "request unbond");
        _least(true, 12, "post order", "finalize", "finalize many, some", "expire");
        _least(true, 12, "expire many, some", "release early", "cancel", "sign order");
        _least(true, 6, "accept order", "cancel orders", "complete unbond", "set economy");
        _least(true, 4, "appoint agent", "revoke agent", "deposit with permit", "set entry rules");
        _least(true, 2, "reenter, open", "reenter by token", "pause", "resume");
        _least(true, 5, "cancel unbond", "change mind", "donate", "copy");
        _least(true, 3, "extend", "extend", "extend", "extend");
        _least(true, 50, "drain", "pass", "pass to edge", "accept");
    }

    function _checkRefused() private {
        _least(false, 20, "create", "accept", "claim", "claim wrongly");
        _least(false, 8, "overcommit", "claim many", "claim forged", "expire");
        _least(false, 8, "release early", "finalize", "complete unbond", "claim forged");
        _least(false, 8, "call inside", "slash honest", "wake ended", "change terms");
        _least(false, 5, "change bit", "seize power", "set economy", "post order");
        _least(false, 4, "refund", "reenter, shut", "reenter, open", "set entry rules");
        _least(false, 3, "accept order", "withdraw", "withdraw reward", "accept order");
        _least(false, 2, "reenter, shut though allowed", "accept order", "withdraw", "withdraw reward");
        _least(false, 3, "extend", "prove fault", "extend", "prove fault"); // a judge that waits leaves few too late
        _least(false, 100, "copy", "copy", "copy", "copy");
    }

    function _text(bytes32 name) private pure returns (string memory) {
        uint256 length = 0;
        while (length < 32 && name[length] != 0) ++length;
        bytes memory text = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            text[i] = name[i];
        }
        return string(text);
    }

    function _least(bool obeyed, uint256 least, bytes32 a, bytes32 b, bytes32 c, bytes32 d) private {
        bytes32[4] memory names = [a, b, c, d];
        for (uint256 i = 0; i < names.length; ++i) {
            string memory name = _text(names[i]);
            uint256 found = obeyed ? market.obeyed(names[i]) : market.refused(names[i]);
            emit Reached(name, market.obeyed(names[i]), market.refused(names[i]));
            assertLe(least, found, string.concat(obeyed ? "often enough obeyed: " : "often enough refused: ", name));
        }
    }
}
