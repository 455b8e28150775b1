"""Numbers that say how good answers are: arithmetic on probabilities, right labels and artists, and nothing else."""
