"""Broken configurations of what accounts may take, have left and are known by, one by one."""

from tests.config.broken import PLANTED, Broken


def _entry(written: str) -> str:
    """A document with `written` in its only entry."""
    return f"pools:\n  groq:\n    - {written}\n"


def _limits(written: str) -> str:
    """The same with `written` among its limits, at 3:16."""
    return _entry(f"limits: {{{written}}}")


def _quota(written: str) -> str:
    """The same with `written` for its only quota, at 3:26."""
    return _limits(f"quotas: [{{{written}}}]")


LIMITS = (
    Broken("none-at-once", _limits("max_concurrency: 0"), "3:33", "more than 0 is required"),
    Broken("half-a-request-at-once", _limits("max_concurrency: 2.5"), "3:33", "a whole number is required"),
    Broken("none-a-second", _limits("qps: 0"), "3:21", "more than 0 is required"),
    Broken("fewer-than-none-a-minute", _limits("rpm: -1"), "3:21", "more than 0 is required"),
    Broken("endless-tokens", _limits("tpm: .inf"), "3:21", "a number is required"),
    Broken("tokens-that-are-a-word", _limits(f"tpm: {PLANTED}"), "3:21", "a number is required"),
    Broken("adaptive-that-is-a-number", _limits("adaptive: 7"), "3:26", "true or false is required"),
    Broken("limit-unknown", _limits("qsp: 1"), "3:16", "unknown key; did you mean qps"),
    Broken("limits-that-are-a-number", _entry("limits: 7"), "3:15", "a mapping is required"),
    Broken("quotas-that-are-one", _limits("quotas: {requests: 3}"), "3:16", "a list is required"),
    Broken("quota-that-is-a-number", _limits("quotas: [495]"), "3:25", "a mapping is required"),
    Broken("quota-of-nothing", _quota("period: 1h"), "3:25", "limits requests or tokens: say how many"),
    Broken("quota-of-no-requests", _quota("requests: 0"), "3:36", "more than 0 is required"),
    Broken("quota-of-no-tokens", _quota("tokens: 0"), "3:34", "more than 0 is required"),
    Broken("quota-for-no-time", _quota("requests: 3, period: 0s"), "3:47", "more than 0 is required"),
    Broken("quota-for-a-month", _quota("requests: 3, period: month"), "3:47", "a time is required, like"),
    Broken("quota-with-a-slip", _quota("requests: 3, perod: 1d"), "3:39", "did you mean period"),
    Broken("quota-of-each-maybe", _quota("requests: 3, per_model: 2"), "3:50", "true or false is required"),
    Broken("zone-unknown", _quota("requests: 3, reset: Mars/Phobos"), "3:46", "UTC or Asia/Shanghai"),
    Broken("zone-that-is-a-folder", _quota("requests: 3, reset: America"), "3:46", "UTC or Asia/Shanghai"),
    Broken("zone-that-is-a-path", _quota("requests: 3, reset: ../UTC"), "3:46", "name of a time zone"),
    Broken("zone-from-the-root", _quota("requests: 3, reset: /etc/localtime"), "3:46", "name of a time zone"),
    Broken("zone-that-is-an-offset", _quota("requests: 3, reset: +08:00"), "3:46", "name of a time zone"),
    Broken("zone-empty", _quota("requests: 3, reset: ''"), "3:46", "name of a time zone"),
    Broken("midnight-each-hour", _quota("requests: 3, period: 1h, reset: UTC"), "3:25", "a period of 1d"),
    Broken(
        "group-unknown",
        "groups: {one-site: {max_concurrency: 1}}\n" + _entry("group: onesite"),
        "4:14",
        "no such group; did you mean one-site",
    ),
    Broken("group-of-none", _entry(f"group: {PLANTED}"), "3:14", "there is no such group$"),
    Broken("group-empty", _entry("group: ''"), "3:14", "empty; give a value"),
    Broken("groups-that-are-a-list", "groups: [1]\n" + _entry("name: x"), "1:1", "a mapping is required"),
    Broken("group-that-is-a-number", "groups: {a: 1}\n" + _entry("name: x"), "1:13", "a mapping is required"),
    Broken(
        "group-with-a-slip",
        "groups: {a: {max_concurency: 1}}\n" + _entry("name: x"),
        "1:14",
        "did you mean max_concurrency",
    ),
    Broken(
        "group-in-a-broken-zone",
        f"groups: {{a: {{quotas: [{{requests: 1, reset: {PLANTED}}}]}}}}\n" + _entry("name: x"),
        "1:44",
        "name of a time zone",
    ),
)

ACCOUNTS = (
    Broken("reader-unknown", _entry("balance: {reader: deepsek}"), "3:25", "did you mean deepseek"),
    Broken("reader-far-off", _entry(f"balance: {{reader: {PLANTED}}}"), "3:25", "readers are deepseek, moon"),
    Broken("reader-unsaid", _entry("balance: {soft: 5}"), "3:7", "nobody knows how to ask this provider"),
    Broken(
        "soft-below-hard",
        _entry("balance: {reader: novita, soft: 1, hard: 2}"),
        "3:7",
        "soft must not be less than hard",
    ),
    Broken("debts", _entry("balance: {reader: novita, hard: -2}"), "3:39", "at least 0 is required"),
    Broken(
        "currency-that-is-a-sign", _entry("balance: {currency: $}"), "3:27", "a currency is required, such as"
    ),
    Broken("balance-with-a-slip", _entry("balance: {sotf: 1}"), "3:17", "did you mean soft"),
    Broken("balance-that-is-a-number", _entry("balance: 5"), "3:16", "a mapping is required"),
    Broken("penalty-that-is-a-word", _entry(f"switch_penalty: {PLANTED}"), "3:23", "a mapping is required"),
    Broken("penalty-with-a-slip", _entry("switch_penalty: {idel: 1h}"), "3:24", "did you mean idle"),
    Broken("penalty-without-a-pause", _entry("switch_penalty: {probe_every: 0}"), "3:37", "more than 0"),
    Broken("penalty-for-ever", _entry("switch_penalty: {give_up: never}"), "3:33", "a time is required"),
    Broken("keys-nowhere", _entry(f"keys_file: {PLANTED}"), "3:18", "there is no such file, neither"),
    Broken("keys-in-a-folder", _entry("keys_file: ."), "3:18", "there is no such file, neither"),
    Broken("keys-unsaid", _entry("keys_file: ''"), "3:18", "empty; give a value"),
    Broken(
        "keys-and-a-key",
        _entry(f"{{keys_file: {PLANTED}, api_key: {PLANTED}}}"),
        "3:19",
        "there is an api_key as well; keep one of the two",
    ),
)
