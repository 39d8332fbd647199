"""How an upstream is convinced."""
