"""The directives: the very module of ``canary``, whose calls are recorded when test files are read."""

import sys

sys.modules[__name__] = __import__("canary.directives", fromlist=["directives"])
