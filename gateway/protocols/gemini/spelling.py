"""Field names: the API takes camelCase and snake_case, in one body and at every depth."""

import re
from typing import Any

from gateway.canonical.json import JsonObject, JsonValue

_HUMP = re.compile(r"(?<=[a-z0-9])_([a-z0-9])")

_OPAQUE = frozenset(
    {
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "responseSchema",
        "responseJsonSchema",
        "_responseJsonSchema",
        "labels",
        "partMetadata",
    }
)
"""Fields below which names are the user's own: a property called `user_id` keeps its name."""

_KNOWN = frozenset(
    re.findall(
        r"\S+",
        """
        systemInstruction toolConfig safetySettings generationConfig cachedContent serviceTier
        generateContentRequest inlineData fileData functionCall functionResponse executableCode
        codeExecutionResult videoMetadata thoughtSignature mediaResolution toolCall toolResponse
        partMetadata mimeType displayName fileUri willContinue partialArgs toolType startOffset
        endOffset functionDeclarations googleSearch googleSearchRetrieval codeExecution urlContext
        computerUse fileSearch googleMaps mcpServers parametersJsonSchema responseJsonSchema
        _responseJsonSchema responseSchema functionCallingConfig retrievalConfig allowedFunctionNames
        includeServerSideToolInvocations candidateCount frequencyPenalty presencePenalty maxOutputTokens
        responseLogprobs responseMimeType responseModalities speechConfig stopSequences thinkingConfig
        topK topP imageConfig includeThoughts thinkingBudget thinkingLevel fileSearchStoreNames
        metadataFilter dynamicRetrievalConfig modelArmorConfig
        """,
    )
)
"""The names that have two spellings; one that nobody here knows stays as it was written."""


def camel(name: str) -> str:
    """`max_output_tokens` as `maxOutputTokens`."""
    if "_" not in name:
        return name
    known = _HUMP.sub(lambda found: found[1].upper(), name)
    return known if known in _KNOWN else name


def respelled(value: JsonObject) -> JsonObject:
    """`value` with the API's own field names in camelCase; of a field in both spellings that one counts."""
    wire: JsonObject = {}
    for name, inner in value.items():
        known = camel(name)
        if known == name or known not in value:
            wire[known] = inner if known in _OPAQUE else _inside(inner)
    return wire


def _inside(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return respelled(value)
    return [_inside(item) for item in value] if isinstance(value, list) else value


def listed(value: Any) -> list[Any]:
    """The items of a repeated field; the API takes one alone for a list of it."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
