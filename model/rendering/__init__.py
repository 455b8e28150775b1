"""Dance music written by chance and rendered by free programs, as further examples for rhythm."""
