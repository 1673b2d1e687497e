"""Tests of CMake projects: build trees with a `CTestTestfile.cmake`, read by `ctest --show-only=json-v1`.

The way of one tree: `query` → `listing` → `rules`, `times`, `order`, `names` → `expand`.
"""
