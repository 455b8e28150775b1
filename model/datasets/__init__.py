"""Labelled music: data sets that others published, and one's own; one module each."""
