"""From the chain into the ledger: facts first, then the documents that they name."""
