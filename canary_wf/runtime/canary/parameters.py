"""The parameters of a job, accessible as attributes (``parameters.n``) or items (``parameters["n"]``)."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
    from typing import Any


class Parameters:
    """A read-only mapping from parameter names to values; the names are attributes, too."""

    def __init__(self, values: "Mapping[str, Any]") -> None:
        self.__dict__["_values"] = dict(values)

    def __getattr__(self, name: str) -> "Any":  # noqa: ANN401 - a parameter's value
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"there is no parameter {name!r}; there are {sorted(self._values)}") from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"parameter {name!r} cannot be changed")

    def __getitem__(self, key: "str | tuple[str, ...]") -> "Any":  # noqa: ANN401 - a parameter's value
        names = _several(key)
        return self._values[key] if names is None else tuple(self._values[name] for name in names)

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> "Iterator[str]":
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Parameters):
            return bool(self._values == other._values)
        return bool(self._values == other)

    __hash__ = None  # type: ignore[assignment]  # like a dict: values may be lists

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._values.items())})"

    def get(self, name: str, default: "Any" = None) -> "Any":  # noqa: ANN401 - a parameter's value
        """Return the value of `name`, or `default`."""
        return self._values.get(name, default)

    def keys(self) -> "KeysView[str]":
        """Return the names."""
        return self._values.keys()  # type: ignore[no-any-return]

    def values(self) -> "ValuesView[Any]":
        """Return the values."""
        return self._values.values()  # type: ignore[no-any-return]

    def items(self) -> "ItemsView[str, Any]":
        """Return pairs of name and value."""
        return self._values.items()  # type: ignore[no-any-return]

    def asdict(self) -> "dict[str, Any]":
        """Return a copy as a plain dict."""
        return dict(self._values)


class MultiParameters(Parameters):
    """The parameters of several jobs: one name gives a tuple with a value per job, several names give a row per job."""

    def __getitem__(self, key: "str | tuple[str, ...]") -> "Any":  # noqa: ANN401 - a tuple of values
        names = _several(key)
        return self._values[key] if names is None else tuple(zip(*(self._values[name] for name in names), strict=True))


def _several(key: "str | tuple[str, ...]") -> "tuple[str, ...] | None":
    """Return the names in ``("a", "b")`` or ``"a,b"``, or None for a single name."""
    if isinstance(key, tuple):
        return key
    return tuple(name.strip() for name in key.split(",")) if "," in key else None
