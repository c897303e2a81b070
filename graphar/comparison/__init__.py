"""Heads compared under one budget, and samplers in one time."""

from graphar.comparison.compare import compare
from graphar.comparison.result import Comparison
from graphar.comparison.sampler_result import SamplerComparison, SamplerRecord
from graphar.comparison.samplers import compare_samplers

__all__ = ["Comparison", "SamplerComparison", "SamplerRecord", "compare", "compare_samplers"]
