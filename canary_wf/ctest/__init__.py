"""The rules of CTest at run time: regular expressions, verdicts, environments, resource groups, fixtures.

`canary_wf.discovery.ctest` reads build trees.
"""
