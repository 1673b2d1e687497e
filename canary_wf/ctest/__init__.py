"""The dialect of CTest beyond discovery: regular expressions, verdicts, environments, resource groups, fixtures."""
