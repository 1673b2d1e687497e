"""The kinds of parameter spaces: the module of ``canary`` itself, as that one is watched when test files are read."""

import sys

sys.modules[__name__] = __import__("canary.enums", fromlist=["enums"])
