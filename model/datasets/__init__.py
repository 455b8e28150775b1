"""Labelled music on disk."""
