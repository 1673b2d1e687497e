"""The type of options that take a whole number within bounds."""

import click


class WholeNumber(click.IntRange):
    """click's range of integers, which calls itself so in its messages."""

    name = "whole number"
