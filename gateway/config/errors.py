"""What is wrong with a configuration."""


class ConfigError(ValueError):
    """The gateway cannot start as configured.

    The message is one line for the operator: it names the variable or path and the remedy, and never echoes
    the value, which may be a secret.
    """
