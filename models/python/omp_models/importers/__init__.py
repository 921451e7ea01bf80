"""Demonstrations recorded by other projects, read into the arrays that `dataset` stores."""
