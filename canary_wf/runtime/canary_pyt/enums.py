"""The types of parameter spaces: the very module of ``canary``, which is watched when test files are read."""

import sys

sys.modules[__name__] = __import__("canary.enums", fromlist=["enums"])
