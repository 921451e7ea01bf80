"""Simulated worlds that policies are trained and judged in."""
