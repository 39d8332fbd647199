"""Orders of preference."""
