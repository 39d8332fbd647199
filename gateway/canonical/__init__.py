"""The common form between protocols: plain values, no behaviour beyond `explode` and `collect`."""
