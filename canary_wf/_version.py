"""The version of the package, alone, so that every module can import it; the build reads it from here."""

__version__ = "0.2.0"
