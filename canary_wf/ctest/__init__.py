"""The dialect of CTest at run time: regular expressions, verdicts, environments, resource groups, fixtures.

How build trees are read is in `canary_wf.discovery.ctest`.
"""
