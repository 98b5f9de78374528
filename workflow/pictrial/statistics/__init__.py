"""From analysis tables to results: paired comparisons, mixed models, analysis results data."""
