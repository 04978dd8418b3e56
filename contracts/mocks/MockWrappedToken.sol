// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Odd but in wide use, as wrapped ether is: has no `permit`, and a fallback that lets every call pass in silence.
contract MockWrappedToken is ERC20("Wrapped", "WRAP") {
    function mint(address account, uint256 amount) external {
        _mint(account, amount);
    }

    fallback() external {}
}
