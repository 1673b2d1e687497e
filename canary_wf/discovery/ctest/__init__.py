"""Tests of CMake projects: build trees with a `CTestTestfile.cmake`, read by `ctest --show-only=json-v1`."""
