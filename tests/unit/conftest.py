"""Its place makes `market_samples` importable from every folder below; there is nothing to set up."""
