"""How many random examples a property is tried with: all, or with `--hypothesis-profile quick` a quarter of them."""

from hypothesis import settings

ALL = 100
"""Examples of a property that does not say how many."""


def register_profiles() -> None:
    """Make both profiles known, and use that with all examples; a busy machine is no failure of either."""
    settings.register_profile("all", deadline=None, max_examples=ALL)
    settings.register_profile("quick", deadline=None, max_examples=ALL // 4)
    settings.load_profile("all")


def examples(number: int) -> int:
    """Return how many of `number` examples the profile in use asks for."""
    return max(1, number * settings().max_examples // ALL)
