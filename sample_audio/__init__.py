"""Short clips of freely licensed music, and the scripts that make them and the demo mix."""
