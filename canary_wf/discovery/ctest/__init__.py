"""Tests of CMake projects: build trees with a `CTestTestfile.cmake`, listed by `ctest --show-only=json-v1`.

The modules in the order of the data: `query` → `listing` → `rules`, `times`, `order` → `expand`.
"""
