// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {JobOrderLib} from "../../../contracts/libraries/JobOrderLib.sol";
import {JobTermsLib} from "../../../contracts/libraries/JobTermsLib.sol";
import {MilestoneMathLib} from "../../../contracts/libraries/MilestoneMathLib.sol";
import {JobId, JobOrder, JobTerms} from "../../../contracts/types/JobTypes.sol";

/// @notice Opens to tests what libraries read from calldata.
contract LibraryDoor {
    function hash(JobTerms calldata terms) external pure returns (bytes32) {
        return JobTermsLib.hash(terms);
    }

    function idOf(JobTerms calldata terms, bytes32 separator) external pure returns (JobId) {
        return JobTermsLib.idOf(terms, separator);
    }

    function encodeCall(JobTerms calldata terms, bytes4 selector, bytes32[4] calldata words)
        external
        pure
        returns (bytes memory)
    {
        return JobTermsLib.encodeCall(terms, selector, words);
    }

    function hashOrder(JobOrder calldata order) external pure returns (bytes32) {
        return JobOrderLib.hash(order);
    }

    function sumFrom(uint16[] calldata shareBps, uint256 first) external pure returns (uint256) {
        return MilestoneMathLib.sumFrom(shareBps, first);
    }
}
