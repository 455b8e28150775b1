"""Training networks on one's own music: cached features, batches, a loop that can be interrupted, bundles."""
