"""The estimate of input tokens: what counts, and that it is cheap."""

from dataclasses import replace
from time import perf_counter

import pytest

from gateway.canonical.content import (
    Base64,
    Blocks,
    Media,
    Message,
    Opaque,
    Part,
    PlainText,
    Refusal,
    ServerToolResult,
    ServerToolUse,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Url,
)
from gateway.canonical.json import JsonObject
from gateway.canonical.request import OutputFormat, Request, Tool
from gateway.canonical.tokens import DOCUMENT, IMAGE, estimate

WORDS = "seven words that everybody reads quite often "


def tokens(*parts: Part, model: str = "m") -> int:
    return estimate(Request(model, [Message("user", list(parts))]))


def test_an_empty_request_costs_something() -> None:
    assert estimate(Request("gemini", [])) >= 1


@pytest.mark.parametrize("text", [WORDS * 50, "12345 " * 50, "{}[]();" * 50, "漢字" * 50, "привет " * 50])
def test_more_text_costs_more_in_every_script(text: str) -> None:
    assert tokens(Text(text * 2)) > 1.8 * tokens(Text(text)) - 20 > 0


def test_english_prose_is_about_four_letters_a_token() -> None:
    assert len(WORDS * 100) / 5 < tokens(Text(WORDS * 100)) < len(WORDS * 100) / 3.5


@pytest.mark.parametrize(
    "part",
    [
        Text(WORDS * 50),
        Refusal(WORDS * 50),
        Thinking(WORDS * 50),
        Thinking(summary=[WORDS * 25, WORDS * 25]),
        ToolCall("1", "f", f'{{"x":"{WORDS * 50}"}}'),
        ToolResult("1", [Text(WORDS * 50)]),
        Media("document", PlainText(WORDS * 50)),
        Media("document", Blocks([Text(WORDS * 50)])),
        Media("document", Base64("")),
        Media("document", Url("https://x.example"), title=WORDS * 50, context=WORDS),
        ServerToolUse("anthropic", "web_search", {"x": WORDS * 50}),
        ServerToolResult("anthropic", "web_search", {"x": WORDS * 50}),
        Opaque("anthropic", {"x": WORDS * 50}),
    ],
)
def test_every_kind_of_part_is_counted(part: Part) -> None:
    counted = tokens(part) - tokens()
    assert counted >= (0 if part == Media("document", Base64("")) else 400)


def test_an_image_counts_as_one_wherever_it_comes_from() -> None:
    for source in (Base64("A" * 9), Base64("A" * 900_000), Url("https://x.example/a.png")):
        assert tokens(Media("image", source)) - tokens() == IMAGE


def test_a_document_counts_by_its_size_and_by_a_guess_where_that_is_unknown() -> None:
    small, large = (tokens(Media("document", Base64("A" * size))) for size in (40_000, 400_000))
    assert large - tokens() == 10 * (small - tokens())
    assert tokens(Media("document", Url("https://x.example/a.pdf"))) - tokens() == DOCUMENT


def test_tools_and_the_schema_of_the_answer_are_counted() -> None:
    messages = [Message("user", [Text("hi")])]
    plain = estimate(Request("m", messages))
    schema: JsonObject = {"type": "object", "properties": {WORDS: {"type": "string"}}}
    one = estimate(Request("m", messages, tools=[Tool("f", WORDS, schema)]))
    two = estimate(
        Request("m", messages, tools=[Tool("f", WORDS, schema), Tool("g", format={"type": WORDS})])
    )
    answer = estimate(Request("m", messages, output=OutputFormat("json_schema", schema=schema)))
    assert plain < one < two
    assert plain < answer
    assert estimate(Request("m", messages, output=OutputFormat("text"))) == plain


def test_a_family_of_models_adds_what_its_template_adds() -> None:
    assert tokens(Text("hi"), model="openai/gpt-oss-20b") > tokens(Text("hi"), model="GPT-4o") + 50


def test_signed_reasoning_is_counted_where_the_model_reads_it_again() -> None:
    signed: list[Thinking | ToolCall] = [
        Thinking(signature=Signature("gemini", "A" * 1000)),
        ToolCall("1", "f", "{}", signature=Signature("gemini", "A" * 1000)),
    ]
    for part in signed:
        bare = replace(part, signature=None)
        assert tokens(part, model="gemini-3-pro") == tokens(bare, model="gemini-3-pro") + 100
        assert tokens(part, model="gpt-5") == tokens(bare, model="gpt-5")


def test_the_schema_of_the_answer_counts_only_where_the_model_is_told_it() -> None:
    output = OutputFormat("json_schema", schema={"type": "object", "properties": {WORDS: {}}})
    for model, told in (("gpt-4o", True), ("qwen3:4b", False)):
        assert (estimate(Request(model, [], output=output)) > estimate(Request(model, []))) is told


def test_text_that_utf_8_cannot_say_is_counted_too() -> None:
    assert tokens(Text("\ud800" * 1000)) > tokens() + 100


def test_a_long_history_is_counted_in_about_a_millisecond() -> None:
    turn = [
        Message("assistant", [Text(WORDS * 20), ToolCall("1", "read", '{"path":"/a/b.py"}')]),
        Message("user", [ToolResult("1", [Text("line = 12;\n" * 160)])]),
    ]
    request = Request("claude", turn * 60)
    times = []
    for _ in range(20):
        start = perf_counter()
        estimate(request)
        times.append(perf_counter() - start)
    # Measured at 0.3 ms; the bound leaves room for a machine that does other things as well.
    assert min(times) < 0.003
