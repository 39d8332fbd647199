"""What is wrong with a configuration."""


class ConfigError(ValueError):
    """The gateway cannot start as configured.

    The message is for the operator, one line a mistake: it names the variable, or the place in a file, and
    the remedy, and never echoes the value, which may be a secret.
    """
