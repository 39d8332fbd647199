"""Which deployment next."""
