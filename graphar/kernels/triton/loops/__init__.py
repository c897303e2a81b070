"""Jitted functions: sweeps and gradients."""
