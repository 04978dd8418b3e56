// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title What a demand costs: what its answer costs, a quarter more, and the more the more of them are open.
library DemandPriceLib {
    /// @dev Of an answer without its bytes: 21,000 of the transaction, what is read and written, the terms. Measured at 82,000 to
    ///      95,000 (tests/contracts/test_trace_demands_gas.py); a milestone is about 400 more, and at 256 eats the quarter up.
    uint256 internal constant ANSWER_GAS = 120_000;
    /// @dev EIP-7623's floor for a byte that is not zero. Hashing it, and putting it into the log, is less than what is left
    ///      between this and the 16 that calldata costs otherwise.
    uint256 internal constant GAS_PER_BYTE = 40;
    /// @dev What is paid beyond the base fee to be included at all, by the habit of most nodes.
    uint256 internal constant TIP = 1 gwei;
    /// @dev Nobody is kept from demanding by a spike: beyond this an answer costs its claimer more than it brings. It can wait for
    ///      a quarter of the window.
    uint256 internal constant MOST_GAS_PRICE = 200 gwei;
    uint256 private constant CROWD = 16;

    /// @param length Bytes of the answer.
    /// @param open   Demands of the claim that are open already.
    /// @return base     Wei for whoever the answer costs.
    /// @return crowding Wei on top: whoever asks for so much at once pays for it, and who is asked does not gain by it, because
    ///                  a claimer could ask itself to keep others from asking.
    function priceOf(uint256 length, uint256 open) internal view returns (uint256 base, uint256 crowding) {
        uint256 gasPrice = Math.min(block.basefee + TIP, MOST_GAS_PRICE);
        base = (ANSWER_GAS + GAS_PER_BYTE * length) * gasPrice * 5 / 4;
        uint256 crowd = CROWD + open;
        crowding = base * crowd * crowd / (CROWD * CROWD) - base;
    }
}
