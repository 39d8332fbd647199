"""What it cost, and what is left."""
