"""One codec a wire format, both directions."""
