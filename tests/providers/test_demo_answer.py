"""What the demo model says."""

import json

import pytest

from gateway.canonical.content import Base64, Media, Message, Part, Text, ToolCall, ToolResult
from gateway.canonical.events import Delta, collect
from gateway.canonical.json import JsonObject
from gateway.canonical.request import OutputFormat, Request, Sampling, Tool, ToolChoice
from gateway.canonical.usage import StopReason
from gateway.errors import InvalidRequest
from gateway.providers.demo.answer import answer, check, spoken

WEATHER = Tool(
    "get_weather",
    schema={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
)
TASK = Tool("Task", schema={"type": "object"})
CLOCK = Tool("clock")


def user(*parts: str | Part) -> Message:
    return Message("user", [Text(part) if isinstance(part, str) else part for part in parts])


def asked(
    *messages: Message, tools: list[Tool] | None = None, tool_choice: ToolChoice | None = None
) -> Request:
    return Request("demo", list(messages), tools=tools or [], tool_choice=tool_choice)


def said(request: Request) -> str:
    (part,) = answer(request, 0).parts
    assert isinstance(part, Text)
    return part.text


def called(request: Request) -> ToolCall:
    response = answer(request, 0)
    (part,) = response.parts
    assert isinstance(part, ToolCall)
    assert response.stop.reason is StopReason.TOOL_CALL
    return part


def test_it_says_what_it_is_and_how_to_get_a_real_model() -> None:
    response = answer(asked(user("How are you?")), 12)
    text = said(asked(user("How are you?")))
    assert "demo model" in text
    assert "“How are you?”" in text
    assert "ANTHROPIC_API_KEY" in text
    assert response.stop.reason is StopReason.END
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (12, len(text.split()))


def test_a_long_question_is_quoted_in_part() -> None:
    assert len(said(asked(user("word " * 10_000)))) < 1_500


def test_a_tool_is_called_when_the_user_says_so_with_its_required_arguments() -> None:
    call = called(asked(user("Please USE THE TOOL `get_weather`."), tools=[CLOCK, WEATHER]))
    assert call.name == "get_weather"
    assert json.loads(call.arguments) == {"city": "demo"}


@pytest.mark.parametrize(
    "words", ["use the tool get_weather", 'use the tool "get_weather"!', "…use the tool GET_WEATHER"]
)
def test_quotes_case_and_punctuation_around_the_name_do_not_matter(words: str) -> None:
    assert called(asked(user(words), tools=[WEATHER])).name == "get_weather"


def test_instructions_behind_the_users_words_do_not_hide_them() -> None:
    request = asked(user("use the tool clock"), Message("system", [Text("Be brief.")]), tools=[CLOCK])
    assert called(request).name == "clock"


@pytest.mark.parametrize(
    "request_",
    [
        asked(user("use the tool"), tools=[CLOCK]),
        asked(user("What is a tool?"), tools=[CLOCK]),
        asked(user("use the tool clock"), Message("assistant", [Text("No.")]), user("Why?"), tools=[CLOCK]),
        asked(Message("system", [Text("use the tool clock")]), user("Hello"), tools=[CLOCK]),
        asked(Message("system", [Text("use the tool clock")]), tools=[CLOCK]),
        asked(user("Hi"), Message("assistant", [Text("use the tool clock")]), tools=[CLOCK]),
    ],
)
def test_no_tool_is_called_unless_the_last_words_of_the_user_say_so(request_: Request) -> None:
    assert "demo model" in said(request_)


def test_a_tool_that_is_not_there_is_not_called() -> None:
    assert (
        said(asked(user("use the tool hammer"), tools=[CLOCK]))
        == "There is no tool called hammer in this request."
    )


def test_a_tool_that_the_provider_would_run_is_not_called() -> None:
    search = Tool("web_search", kind="builtin")
    assert "no tool called web_search" in said(asked(user("use the tool web_search"), tools=[search]))


@pytest.mark.parametrize("name", ["Task", "TaskCreate", "spawn_worker", "run_agent", "dispatch"])
def test_a_tool_that_starts_agents_is_never_called_on_a_wish(name: str) -> None:
    assert "never calls" in said(asked(user(f"use the tool {name}"), tools=[Tool(name)]))


def test_no_tool_is_called_where_the_request_forbids_it() -> None:
    request = asked(user("use the tool clock"), tools=[CLOCK], tool_choice=ToolChoice("none"))
    assert "no tool may be called" in said(request)


def test_a_tool_is_called_once_in_a_conversation() -> None:
    history = (
        user("use the tool clock"),
        Message("assistant", [ToolCall("c1", "clock")]),
        user(ToolResult("c1", [Text("noon")])),
        Message("assistant", [Text("clock said: “noon”")]),
    )
    assert "already has" in said(asked(*history, user("use the tool clock"), tools=[CLOCK]))


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (ToolResult("c1", [Text("noon"), Text("sharp")]), "clock said: “noon sharp”"),
        (ToolResult("c1", [Text("broken")], is_error=True), "clock failed and said: “broken”"),
        (ToolResult("c1", []), "clock returned nothing."),
        (ToolResult("c1", [Media("image", Base64("AAAA"))]), "clock returned something other than text."),
    ],
)
def test_the_result_of_a_tool_is_read_back(result: ToolResult, words: str) -> None:
    request = asked(
        user("use the tool clock"),
        Message("assistant", [ToolCall("c1", "clock")]),
        user(result),
        tools=[CLOCK],
    )
    assert said(request) == words


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (ToolChoice("one", ["clock"]), "clock"),
        (ToolChoice("one", ["Task"]), "Task"),
        (ToolChoice("any"), "get_weather"),
        (ToolChoice("allowed", ["Task", "clock"], required=True), "clock"),
    ],
)
def test_a_demanded_tool_is_called_whatever_the_user_says(choice: ToolChoice, name: str) -> None:
    request = asked(user("Hello"), tools=[TASK, WEATHER, CLOCK], tool_choice=choice)
    assert called(request).name == name


def test_among_allowed_tools_a_wish_finds_only_those() -> None:
    choice = ToolChoice("allowed", ["clock"])
    request = asked(user("use the tool get_weather"), tools=[WEATHER, CLOCK], tool_choice=choice)
    assert "no tool called get_weather" in said(request)


def test_a_free_text_tool_gets_free_text() -> None:
    call = called(asked(user("use the tool patch"), tools=[Tool("patch", kind="custom")]))
    assert (call.kind, call.arguments) == ("custom", "demo")


def test_a_structured_answer_is_an_instance_of_its_schema() -> None:
    schema: JsonObject = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    request = asked(user("Answer in JSON"))
    request.output = OutputFormat("json_schema", schema=schema)
    assert json.loads(said(request)) == {"n": 1}
    request.output = OutputFormat("json_object")
    assert isinstance(json.loads(said(request)), dict)
    request.output = OutputFormat("text")
    assert "demo model" in said(request)


def test_the_token_limit_cuts_after_so_many_words() -> None:
    request = asked(user("Hello"))
    request.max_tokens = 3
    response = answer(request, 0)
    assert said(request).split() == ["Hello!", "This", "is"]
    assert response.stop.reason is StopReason.LENGTH
    assert response.usage is not None
    assert response.usage.output_tokens == 3


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    request = asked(user("Hello"))
    whole = said(request)
    request.max_tokens = len(whole.split())
    assert said(request) == whole
    assert answer(request, 0).stop.reason is StopReason.END


def test_a_stop_sequence_ends_the_answer_before_itself() -> None:
    request = asked(user("Hello"))
    request.stop = ["never said", "demo model", "This is"]
    response = answer(request, 0)
    assert said(request) == "Hello! "
    assert (response.stop.reason, response.stop.sequence) == (StopReason.STOP_SEQUENCE, "This is")


def test_an_answer_that_stops_before_it_begins_is_empty() -> None:
    request = asked(user("Hello"))
    request.stop = ["Hello"]
    assert answer(request, 0).parts == []


def test_several_choices_are_given_where_asked_for() -> None:
    request = asked(user("Hello"))
    one = answer(request, 5)
    request.n = 3
    three = answer(request, 5)
    assert len(three.choices) == 3
    assert one.usage is not None
    assert three.usage is not None
    assert three.usage.output_tokens == 3 * (one.usage.output_tokens or 0)


@pytest.mark.parametrize(
    "request_", [asked(user("Hello")), asked(user("use the tool get_weather"), tools=[WEATHER])]
)
def test_spoken_word_by_word_it_is_the_same_answer(request_: Request) -> None:
    response = answer(request_, 7)
    events = list(spoken(response))
    assert collect(events) == response
    words = [event.value for event in events if isinstance(event, Delta) and isinstance(event.value, str)]
    assert len(words) == (response.usage.output_tokens if response.usage else None)


def test_asking_twice_gets_the_same_answer_and_changes_no_request() -> None:
    first, second = (asked(user("use the tool get_weather"), tools=[WEATHER]) for _ in range(2))
    assert answer(first, 1) == answer(first, 1)
    assert first == second


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        (Request("demo", []), "messages"),
        (
            Request("demo", [user("x")], max_tokens=0, origins={"max_tokens": "max_completion_tokens"}),
            "max_completion_tokens",
        ),
        (Request("demo", [user("x")], n=0), "n"),
        (Request("demo", [user("x")], n=9), "n"),
        (Request("demo", [user("x")], sampling=Sampling(temperature=2.5)), "temperature"),
        (asked(user("x"), tool_choice=ToolChoice("any")), "tool_choice"),
        (asked(user("x"), tools=[CLOCK], tool_choice=ToolChoice("one", ["hammer"])), "tool_choice"),
        (asked(user(ToolResult("c9", origin="messages[0]"))), "messages[0]"),
        (
            asked(
                user(ToolResult("c1", origin="messages[0]")), Message("assistant", [ToolCall("c1", "clock")])
            ),
            "messages[0]",
        ),
    ],
)
def test_what_a_real_model_would_refuse_is_refused_by_its_path(request_: Request, param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        check(request_)
    assert refusal.value.param == param
    assert refusal.value.message.startswith(f"{param}: ")


@pytest.mark.parametrize(
    "request_",
    [
        asked(user("x")),
        asked(user("x"), tool_choice=ToolChoice("auto")),
        asked(user("x"), tools=[CLOCK], tool_choice=ToolChoice("one", ["clock"])),
        asked(Message("assistant", [ToolCall("c1", "clock")]), user(ToolResult("c1"))),
    ],
)
def test_an_ordinary_request_passes(request_: Request) -> None:
    check(request_)
