"""Where every field of every wire goes: one row a field, checked against the types and against what was
recorded.

A row reads: canonical place <- the wire's names for it. Fields of one protocol alone go to `extras`, whole
parts of one protocol alone to `Opaque`, `ServerToolUse` or `ServerToolResult`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

import pytest

from gateway.canonical import content, events, request, usage
from tests.corpus.conftest import Report
from tests.corpus.inventory import found_in
from tests.corpus.recordings import recordings

Rows = Mapping[str, str]

MAPPING: Mapping[str, Mapping[str, Rows]] = {
    "openai_responses": {
        "request": {
            "Request.model": "model",
            "Request.messages": "input instructions",
            "Request.stream": "stream",
            "Request.max_tokens": "max_output_tokens",
            "Sampling.temperature": "temperature",
            "Sampling.top_p": "top_p",
            "Request.top_logprobs": "top_logprobs",
            "Request.parallel_tool_calls": "parallel_tool_calls",
            "Request.tools": "tools",
            "Request.tool_choice": "tool_choice",
            "Request.output": "text text.format",
            "Request.verbosity": "text.verbosity",
            "Reasoning.effort": "reasoning reasoning.effort",
            "Reasoning.visibility": "reasoning.summary reasoning.generate_summary",
            "Reasoning.extras": "reasoning.context reasoning.mode",
            "Request.metadata": "metadata",
            "Request.user": "user safety_identifier",
            "Request.service_tier": "service_tier",
            "Request.cache_key": "prompt_cache_key",
            "Request.cache": "prompt_cache_options prompt_cache_retention",
            "Continuation.previous_response_id": "previous_response_id",
            "Continuation.conversation": "conversation",
            "Request.extras": """
                prompt store background include max_tool_calls truncation context_management moderation
                access_programs image provider stream_options
            """,
        },
        "item": {
            "Message": "message",
            "Message.phase": "message.phase",
            "Message.item_id": "message.id",
            "ToolCall": "function_call custom_tool_call",
            "ToolCall.id": "function_call.call_id",
            "ToolCall.name": "function_call.name",
            "ToolCall.arguments": "function_call.arguments custom_tool_call.input",
            "ToolCall.item_id": "function_call.id",
            "ToolCall.namespace": "function_call.namespace",
            "ToolCall.extras": "function_call.status function_call.caller",
            "ToolResult": "function_call_output custom_tool_call_output",
            "Thinking": "reasoning",
            "Thinking.item_id": "reasoning.id",
            "Thinking.summary": "reasoning.summary",
            "Thinking.text": "reasoning.content",
            "Thinking.signature": "reasoning.encrypted_content",
            "Request.tools": "additional_tools",
            "ServerToolUse": """
                web_search_call file_search_call code_interpreter_call image_generation_call mcp_call
                x_search_call tool_search_call program
            """,
            "ServerToolResult": "tool_search_output program_output mcp_list_tools",
            "Opaque": """
                item_reference compaction compaction_trigger computer_call computer_call_output
                local_shell_call local_shell_call_output shell_call shell_call_output apply_patch_call
                apply_patch_call_output mcp_approval_request mcp_approval_response
            """,
        },
        "content": {
            "Text": "input_text output_text",
            "Text.citations": "output_text.annotations",
            "Choice.logprobs": "output_text.logprobs",
            "Refusal": "refusal",
            "Thinking.text": "reasoning_text",
            "Thinking.summary": "summary_text",
            "Media": "input_image input_file input_audio",
            "Media.detail": "input_image.detail",
            "Media.filename": "input_file.filename",
            "Base64": "input_file.file_data input_image.image_url",
            "Url": "input_file.file_url",
            "FileRef": "input_file.file_id input_image.file_id",
        },
        "tool": {
            "Tool.schema": "function",
            "Tool.format": "custom",
            "Tool.namespace": "namespace",
            "Tool.raw": """
                web_search web_search_preview file_search code_interpreter image_generation mcp tool_search
                local_shell shell apply_patch computer_use_preview
            """,
        },
        "reply": {
            "Response.id": "id",
            "Response.created": "created_at",
            "Response.model": "model",
            "Choice.parts": "output",
            "Stop.reason": "status incomplete_details",
            "Usage.input_tokens": "usage.input_tokens",
            "Usage.cache_read": "usage.input_tokens_details.cached_tokens",
            "Usage.cache_write": "usage.input_tokens_details.cache_write_tokens",
            "Usage.output_tokens": "usage.output_tokens",
            "Usage.reasoning": "usage.output_tokens_details.reasoning_tokens",
            "Usage.service_tier": "service_tier",
            "Response.extras": "object error parallel_tool_calls tool_choice tools instructions metadata",
        },
    },
    "anthropic": {
        "request": {
            "Request.model": "model",
            "Request.messages": "messages system",
            "Request.max_tokens": "max_tokens",
            "Request.stop": "stop_sequences",
            "Request.stream": "stream",
            "Request.user": "metadata.user_id",
            "Request.tools": "tools",
            "Request.tool_choice": "tool_choice",
            "Request.parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
            "Request.service_tier": "service_tier",
            "Request.reasoning": "thinking",
            "Reasoning.budget": "thinking.budget_tokens",
            "Reasoning.visibility": "thinking.display",
            "Reasoning.effort": "output_config output_config.effort",
            "Request.output": "output_config.format output_format",
            "Sampling.temperature": "temperature",
            "Sampling.top_p": "top_p",
            "Sampling.top_k": "top_k",
            "Request.cache": "cache_control",
            "Request.extras": """
                container diagnostics inference_geo speed mcp_servers context_management fallbacks
                fallback_credit_token thread compaction billing_policy task_budget anthropic_version
                anthropic_beta
            """,
        },
        "block": {
            "Text": "text",
            "Text.citations": "text.citations",
            "CacheMark": "cache_control",
            "Media": "image document search_result",
            "Media.title": "document.title",
            "Media.context": "document.context",
            "Media.citations": "document.citations.enabled",
            "Base64": "source.base64",
            "Url": "source.url",
            "FileRef": "source.file",
            "PlainText": "source.text",
            "Blocks": "source.content",
            "Thinking": "thinking",
            "Thinking.redacted": "redacted_thinking",
            "Thinking.signature": "thinking.signature redacted_thinking.data",
            "ToolCall": "tool_use",
            "ToolCall.extras": "tool_use.caller tool_use.toolset_name",
            "ToolResult": "tool_result",
            "ToolResult.is_error": "tool_result.is_error",
            "ServerToolUse": "server_tool_use mcp_tool_use",
            "ServerToolResult": """
                web_search_tool_result web_fetch_tool_result code_execution_tool_result
                bash_code_execution_tool_result text_editor_code_execution_tool_result tool_search_tool_result
                advisor_tool_result mcp_tool_result
            """,
            "Opaque": "container_upload compaction fallback tool_addition tool_reference browser_state",
        },
        "tool": {
            "Tool.schema": "function custom input_schema",
            "Tool.strict": "strict",
            "Tool.cache": "cache_control",
            "Tool.extras": "eager_input_streaming defer_loading allowed_callers input_examples",
            "Tool.raw": """
                web_search web_fetch code_execution bash text_editor computer browser memory
                tool_search_tool_regex tool_search_tool_bm25 advisor mcp_toolset
            """,
        },
        "reply": {
            "Response.id": "id",
            "Response.model": "model",
            "Choice.parts": "content",
            "Stop.reason": "stop_reason",
            "Stop.sequence": "stop_sequence",
            "Stop.details": "stop_details",
            "Usage.input_tokens": "usage.input_tokens",
            "Usage.output_tokens": "usage.output_tokens",
            "Usage.cache_write": "usage.cache_creation_input_tokens",
            "Usage.cache_read": "usage.cache_read_input_tokens",
            "Usage.cache_write_5m": "usage.cache_creation.ephemeral_5m_input_tokens",
            "Usage.cache_write_1h": "usage.cache_creation.ephemeral_1h_input_tokens",
            "Usage.reasoning": "usage.output_tokens_details.thinking_tokens",
            "Usage.service_tier": "usage.service_tier",
            "Usage.extras": "usage.server_tool_use usage.inference_geo usage.speed",
            "Response.extras": "container diagnostics context_management input_transformations",
        },
    },
    "gemini": {
        "request": {
            "Request.model": "model",
            "Request.messages": "contents systemInstruction",
            "Request.tools": "tools functionDeclarations",
            "Request.tool_choice": "toolConfig toolConfig.functionCallingConfig.mode",
            "ToolChoice.names": "toolConfig.functionCallingConfig.allowedFunctionNames",
            "Continuation.cached_content": "cachedContent",
            "Request.service_tier": "serviceTier",
            "Request.extras": """
                safetySettings labels store modelArmorConfig continuationToken toolConfig.retrievalConfig
                toolConfig.includeServerSideToolInvocations generationConfig
            """,
        },
        "generationConfig": {
            "Sampling.temperature": "temperature",
            "Sampling.top_p": "topP",
            "Sampling.top_k": "topK",
            "Request.n": "candidateCount",
            "Request.max_tokens": "maxOutputTokens",
            "Request.stop": "stopSequences",
            "Sampling.presence_penalty": "presencePenalty",
            "Sampling.frequency_penalty": "frequencyPenalty",
            "Sampling.seed": "seed",
            "Request.logprobs": "responseLogprobs",
            "Request.top_logprobs": "logprobs",
            "OutputFormat.kind": "responseMimeType",
            "OutputFormat.schema": "responseSchema responseJsonSchema _responseJsonSchema",
            "Request.modalities": "responseModalities",
            "Reasoning.visibility": "thinkingConfig thinkingConfig.includeThoughts",
            "Reasoning.budget": "thinkingConfig.thinkingBudget",
            "Reasoning.effort": "thinkingConfig.thinkingLevel",
            "Request.extras": "speechConfig imageConfig mediaResolution",
        },
        "part": {
            "Text": "text",
            "Thinking": "thought",
            "Thinking.signature": "thoughtSignature",
            "ToolCall": "functionCall",
            "ToolCall.id": "functionCall.id",
            "ToolCall.name": "functionCall.name",
            "ToolCall.arguments": "functionCall.args",
            "ToolResult": "functionResponse",
            "ToolResult.name": "functionResponse.name",
            "ToolResult.content": "functionResponse.response functionResponse.parts",
            "ToolResult.extras": "functionResponse.scheduling functionResponse.willContinue",
            "Base64": "inlineData",
            "Url": "fileData",
            "Media.extras": "videoMetadata partMetadata",
            "Media.detail": "mediaResolution",
            "ServerToolUse": "executableCode toolCall",
            "ServerToolResult": "codeExecutionResult toolResponse",
        },
        "tool": {
            "Tool.schema": "functionDeclarations",
            "Tool.raw": """
                googleSearch googleSearchRetrieval urlContext codeExecution fileSearch computerUse googleMaps
                mcpServers
            """,
        },
        "reply": {
            "Choice.parts": "candidates.content",
            "Stop.reason": "candidates.finishReason promptFeedback",
            "Stop.details": "candidates.finishMessage candidates.safetyRatings",
            "Text.citations": "candidates.citationMetadata candidates.groundingMetadata",
            "Choice.logprobs": "candidates.logprobsResult candidates.avgLogprobs",
            "Response.id": "responseId",
            "Response.model": "modelVersion",
            "Response.created": "createTime",
            "Usage": "usageMetadata",
            "Response.extras": """
                candidates.urlContextMetadata candidates.tokenCount candidates.continuationToken
            """,
        },
    },
    "ollama": {
        "request": {
            "Request.model": "model",
            "Request.messages": "messages prompt system images",
            "Request.stream": "stream",
            "Request.output": "format",
            "Request.tools": "tools",
            "Request.reasoning": "think",
            "Request.logprobs": "logprobs",
            "Request.top_logprobs": "top_logprobs",
            "Sampling.temperature": "temperature",
            "Request.extras": """
                options keep_alive truncate shift suffix raw template context _debug_render_only
            """,
        },
        "options": {
            "Request.max_tokens": "num_predict",
            "Sampling.temperature": "temperature",
            "Sampling.top_k": "top_k",
            "Sampling.top_p": "top_p",
            "Sampling.min_p": "min_p",
            "Sampling.seed": "seed",
            "Request.stop": "stop",
            "Sampling.repetition_penalty": "repeat_penalty",
            "Sampling.presence_penalty": "presence_penalty",
            "Sampling.frequency_penalty": "frequency_penalty",
            "Request.extras": """
                typical_p repeat_last_n num_ctx num_keep num_batch num_gpu main_gpu use_mmap num_thread
                draft_num_predict max_tokens think
            """,
        },
        "message": {
            "Message.role": "role",
            "Text": "content",
            "Thinking": "thinking",
            "Media": "images",
            "ToolCall": "tool_calls",
            "ToolCall.id": "tool_calls.id",
            "ToolCall.name": "tool_calls.function.name",
            "ToolCall.arguments": "tool_calls.function.arguments",
            "ToolResult.name": "tool_name",
            "ToolResult.call_id": "tool_call_id",
        },
        "tool": {"Tool.schema": "function"},
        "reply": {
            "Response.model": "model",
            "Response.created": "created_at",
            "Choice.parts": "message response thinking",
            "Stop.reason": "done_reason",
            "StopReason.LOAD": "done_reason.load",
            "StopReason.UNLOAD": "done_reason.unload",
            "Usage.input_tokens": "prompt_eval_count",
            "Usage.output_tokens": "eval_count",
            "Usage.extras": "total_duration load_duration prompt_eval_duration eval_duration",
        },
    },
}

GENERATING = frozenset(
    {"messages", "responses", "generateContent", "streamGenerateContent", "chat", "generate"}
)


def places() -> Iterator[tuple[str, str]]:
    """Every canonical place that a row names, with the table it stands in."""
    for protocol, tables in MAPPING.items():
        for table, rows in tables.items():
            yield from ((f"{protocol} {table}", place) for place in rows)


def test_every_place_that_a_row_names_exists() -> None:
    missing = [(table, place) for table, place in places() if not exists(place)]
    assert missing == []


def exists(place: str) -> bool:
    """Whether `Type` or `Type.attribute` is a name of the canonical form."""
    name, _, attribute = place.partition(".")
    kind = next(
        (getattr(room, name) for room in (content, request, events, usage) if hasattr(room, name)), None
    )
    if kind is None or not attribute:
        return kind is not None
    if is_dataclass(kind):
        return attribute in {field.name for field in fields(kind)}
    return hasattr(kind, attribute)


def test_a_place_that_does_not_exist_would_be_noticed() -> None:
    assert not exists("Request.colour")
    assert not exists("Colour")


@pytest.mark.shared
@pytest.mark.parametrize("protocol", MAPPING)
def test_every_kind_of_thing_that_was_recorded_is_in_the_mapping(protocol: str, report: Report) -> None:
    tables = MAPPING[protocol]
    found = {pair for recording in recordings(protocol, GENERATING) for pair in found_in(recording)}
    unknown = [(table, name) for table, name in sorted(found) if name not in names(tables[table])]
    report(f"{protocol}: {len(found) - len(unknown)} of {len(found)} recorded kinds are mapped")
    assert unknown == []
    assert found


def names(rows: Rows) -> frozenset[str]:
    return frozenset(" ".join(rows.values()).split())
