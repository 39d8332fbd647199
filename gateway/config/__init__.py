"""What the operator says, checked and frozen."""
