// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Statement} from "../types/ClaimTypes.sol";
import {Assignment, JobOrder, JobTerms} from "../types/JobTypes.sol";
import {AssignmentLib} from "../libraries/AssignmentLib.sol";
import {JobOrderLib} from "../libraries/JobOrderLib.sol";
import {JobTermsLib} from "../libraries/JobTermsLib.sol";
import {StatementLib} from "../libraries/StatementLib.sol";

/// @title Opens the EIP-712 hashing libraries to tests: `hashStruct` of everything that is signed or names something.
contract MockTypedData {
    function hashTerms(JobTerms calldata terms) external pure returns (bytes32) {
        return JobTermsLib.hash(terms);
    }

    function hashOrder(JobOrder calldata order) external pure returns (bytes32) {
        return JobOrderLib.hash(order);
    }

    function hashAssignment(Assignment calldata assignment) external pure returns (bytes32) {
        return AssignmentLib.hash(assignment);
    }

    function hashStatement(Statement calldata statement) external pure returns (bytes32) {
        return StatementLib.hash(statement);
    }

    function witnessType() external pure returns (string memory) {
        return JobOrderLib.witnessType();
    }
}
