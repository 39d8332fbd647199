"""What vendors say is left, read."""

from math import inf

import pytest

from gateway.canonical.json import JsonValue
from gateway.errors import BadUpstreamReply
from gateway.ledger.balance import READERS

TOLD: list[tuple[str, str, JsonValue, dict[str, float]]] = [
    (
        "deepseek",
        "https://api.deepseek.com",
        {
            "is_available": True,
            "balance_infos": [
                {"currency": "CNY", "total_balance": "110.00", "granted_balance": "10.00"},
                {"currency": "USD", "total_balance": "1.50", "granted_balance": "0.00"},
            ],
        },
        {"CNY": 110.0, "USD": 1.5},
    ),
    (
        "siliconflow",
        "https://api.siliconflow.cn/v1",
        {"code": 20000, "status": True, "data": {"balance": "0.88", "totalBalance": "88.88"}},
        {"CNY": 88.88},
    ),
    ("siliconflow", "https://api.siliconflow.com/v1", {"data": {"totalBalance": "3"}}, {"USD": 3.0}),
    (
        "moonshot",
        "https://api.moonshot.ai/v1",
        {"code": 0, "data": {"available_balance": -0.5, "cash_balance": -0.5}},
        {"USD": -0.5},
    ),
    ("moonshot", "https://api.moonshot.cn/v1", {"data": {"available_balance": 49.58}}, {"CNY": 49.58}),
    (
        "openrouter",
        "https://openrouter.ai/api/v1",
        {"data": {"limit": 100, "limit_remaining": 74.5, "usage": 25.5}},
        {"USD": 74.5},
    ),
    ("openrouter", "https://openrouter.ai/api/v1", {"data": {"limit_remaining": None}}, {"USD": inf}),
    ("stepfun", "https://api.stepfun.com/v1", {"object": "account", "balance": 12.5}, {"CNY": 12.5}),
    ("novita", "https://api.novita.ai/v3/openai", {"availableBalance": "25000"}, {"USD": 2.5}),
]
UNTOLD: list[JsonValue] = [
    None,
    [],
    {},
    {"data": None},
    {"data": {}},
    {"balance_infos": [{"currency": "USD", "total_balance": "much"}]},
    {"data": {"totalBalance": "NaN", "available_balance": True, "limit_remaining": "inf"}},
    {"balance": [], "availableBalance": {}},
]


@pytest.mark.parametrize(("vendor", "base_url", "said", "left"), TOLD)
def test_what_is_left_is_read_with_its_currency(
    vendor: str, base_url: str, said: JsonValue, left: dict[str, float]
) -> None:
    reader = READERS[vendor]
    assert reader.read(said, reader.currency(base_url)) == left


@pytest.mark.parametrize("vendor", READERS)
@pytest.mark.parametrize("said", UNTOLD)
def test_an_answer_that_does_not_tell_is_not_taken_for_an_empty_account(vendor: str, said: JsonValue) -> None:
    with pytest.raises(BadUpstreamReply):
        READERS[vendor].read(said, "USD")


@pytest.mark.parametrize(
    ("vendor", "base_url", "url"),
    [
        ("deepseek", "https://api.deepseek.com/v1", "https://api.deepseek.com/user/balance"),
        ("siliconflow", "https://api.siliconflow.cn/v1", "https://api.siliconflow.cn/v1/user/info"),
        ("openrouter", "http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v1/key"),
    ],
)
def test_the_question_goes_to_the_host_that_has_the_key_already(vendor: str, base_url: str, url: str) -> None:
    assert READERS[vendor].url(base_url) == url
