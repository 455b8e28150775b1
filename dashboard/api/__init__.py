"""What programs ask for: the interface under /api/v1. Importing this package loads nothing of it."""
