"""Exact integer execution of quantised models, and commitments to every element. Pure: docs/determinism.md is its contract."""
