"""Finding test files and turning them into job specs: `.pyt`, job files, CTest; dependencies, selection."""

from canary_wf.discovery.finder import Discovery, discover
from canary_wf.discovery.options import DiscoveryOptions

__all__ = ["Discovery", "DiscoveryOptions", "discover"]
