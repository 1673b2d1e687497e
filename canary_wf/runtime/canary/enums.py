"""The types of parameter spaces that `directives.parameterize` takes as `type`."""

list_parameter_space = "list_parameter_space"
"""Each row is one set of parameters."""

centered_parameter_space = "centered_parameter_space"
"""Each name has ``(initial, step, count)``; one name at a time is varied by up to `count` steps down and up."""

random_parameter_space = "random_parameter_space"
"""Each name has ``(low, high)``; `samples` rows are drawn from the uniform distribution between them."""


def __getattr__(name: str) -> object:
    from .fallback import from_canary_wm

    return from_canary_wm(__name__, name)
