"""Meta-features: numbers that describe a task, by which tasks are compared."""

from autometa.metafeatures.extraction import EXTRACTION_VERSION, extract, meanings, names
from autometa.metafeatures.vector import MetaFeatures

__all__ = ["EXTRACTION_VERSION", "MetaFeatures", "extract", "meanings", "names"]
