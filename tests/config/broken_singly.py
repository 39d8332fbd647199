"""Broken configurations, one by one: YAML that is none, names that lead nowhere, keys left open."""

from tests.config.broken import PLANTED, Broken

_POOL = "pools: {demo: [{}]}\n"


def _key(written: str) -> str:
    """A document with `written` for an upstream's key."""
    return f"pools:\n  groq:\n    - api_key: {written}\n"


YAML = (
    Broken("colon-in-a-key", _key(f"{PLANTED}: x"), r"3:\d+", "second colon.*put the value in single quotes"),
    Broken(
        "hash-first", _key(f"#{PLANTED}"), "3:7", "nothing follows the colon.*in quotes if it begins with #"
    ),
    Broken("hash-behind-a-space", _key(f"{PLANTED} #{PLANTED}"), "3:16", "is the # a part of the key"),
    Broken("star-first", _key(f"*{PLANTED}"), "3:16", "refers to an anchor.*single quotes"),
    Broken("ampersand-alone", _key(f"& {PLANTED}"), r"3:\d+", "need a name.*single quotes"),
    Broken("exclamation-mark-first", _key(f"!{PLANTED} {PLANTED}"), "3:16", "tags.*single quotes"),
    Broken("python-tag", _key(f"!!python/object/apply:os.system [{PLANTED}]"), "3:16", "tags.*are not used"),
    Broken("percent-first", _key(f"%{PLANTED}"), "3:16", "cannot begin with this character.*single quotes"),
    Broken("at-sign-first", _key(f"@{PLANTED}"), "3:16", "cannot begin with this character.*single quotes"),
    Broken("backtick-first", _key(f"`{PLANTED}`"), "3:16", "cannot begin with this character.*single quotes"),
    Broken("brace-first", _key(f"{{{PLANTED}"), r"[34]:\d+", "quotes"),
    Broken("bracket-first", _key(f"[{PLANTED}"), r"[34]:\d+", "quotes"),
    Broken("pipe-first", _key(f"|{PLANTED}"), "3:17", "begin a text block.*single quotes"),
    Broken("greater-than-first", _key(f">{PLANTED}"), "3:17", "begin a text block.*single quotes"),
    Broken("dash-first", _key(f"- {PLANTED}"), "3:16", "a list begins on a line of its own"),
    Broken("quote-left-open", _key(f"'{PLANTED}"), "3:16", "opened here and never closed"),
    Broken("double-quote-left-open", _key(f'"{PLANTED}'), "3:16", "opened here and never closed"),
    Broken("backslash-in-quotes", _key(f'"\\q{PLANTED}"'), r"3:\d+", "use single quotes"),
    Broken("words-behind-quotes", _key(f"'{PLANTED}' {PLANTED}"), r"3:\d+", "does not fit the lines above"),
    Broken(
        "flow-style-list", "auth: {api_key: [${A}, ${B}]}\n" + _POOL, "1:19", r'"\$\{NAME\}", not \$\{NAME\}'
    ),
    Broken(
        "flow-style-mapping", "pools:\n  groq: [{api_key: ${A}}]\n", "2:21", r'"\$\{NAME\}", not \$\{NAME\}'
    ),
    Broken(
        "flow-style-default", "server: {port: ${P:-3000}}\n" + _POOL, "1:17", r'"\$\{NAME\}", not \$\{NAME\}'
    ),
    Broken("flow-style-unclosed", "server: {port: 3000\npools: {demo: []}\n", r"2:\d+", "commas"),
    Broken("brace-too-many", "server: {port: 3000}}\n", r"1:21", "does not fit"),
    Broken("tab", "server:\n\tport: 3000\n", "2:1", "a tab; indent with spaces"),
    Broken("tab-in-a-list", "pools:\n  demo:\n\t- {}\n", "3:1", "a tab; indent with spaces"),
    Broken(
        "indented-differently", "server:\n  port: 3000\n host: localhost\n", "3:2", "its indentation differs"
    ),
    Broken("indented-too-far", "server:\n  port: 3000\n    host: localhost\n", "3:9", "second colon"),
    Broken(
        "colon-without-a-space",
        f"auth:\n  api_key:{PLANTED}\n" + _POOL,
        "2:3",
        "write `auth: none`, or api_key",
    ),
    Broken("key-without-a-colon", f"server:\n  port\n  host: {PLANTED}\n", "3:7", "second colon"),
    Broken(
        "key-in-braces-alone",
        f"auth: {{api_key:{PLANTED}}}\n" + _POOL,
        "1:8",
        "unknown key; known keys are api_key",
    ),
    Broken(
        "secret-for-a-key", f"auth: {{{PLANTED}: x}}\n" + _POOL, "1:8", "unknown key; known keys are api_key"
    ),
    Broken("list-for-a-key", f"? [{PLANTED}]\n: x\n" + _POOL, "1:3", "a key must be a word"),
    Broken("key-missing", f": {PLANTED}\n", "1:1", "does not fit"),
    Broken("undefined-anchor", f"server: *{PLANTED}\n" + _POOL, "1:9", "there is none of this name"),
    Broken(
        "anchor-twice", f"server: &{PLANTED} {{}}\nlog: &{PLANTED} {{}}\n" + _POOL, "2:6", "choose another"
    ),
    Broken("anchor-inside-itself", "server: &a {port: *a}\n" + _POOL, r"1:\d+", "aliases inside aliases"),
    Broken("merge-of-a-list", "server: {<<: [[1]]}\n" + _POOL, "1:14", "only mappings can be merged"),
    Broken("merge-of-a-value", f"server: {{<<: {PLANTED}}}\n" + _POOL, "1:14", "only mappings can be merged"),
    Broken("two-documents", "server: {}\n---\n" + _POOL, "2:1", "one file holds one document"),
    Broken("very-deep", "server: " + "[" * 500 + "]" * 500 + "\n", r"1:\d+", "nested more than"),
    Broken(
        "very-deep-in-lines", "\n".join(" " * n + "a:" for n in range(200)), r"\d+:\d+", "nested more than"
    ),
    Broken("only-a-word", f"{PLANTED}\n", "1:1", "a mapping is required"),
    Broken("only-a-list", f"- {PLANTED}\n", "1:1", "a mapping is required"),
    Broken("empty", "", "1:1", "the file is empty"),
    Broken("empty-but-for-comments", "# nothing\n\n", "1:1", "the file is empty"),
    Broken("control-character", f"server:\n  host: {PLANTED}\x07\n", r"2:\d+", "control character"),
    Broken("nul", "server:\n  port: 3\x000\n", "2:10", "control character"),
    Broken(
        "alias-bomb",
        "".join(
            f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n"
            if n >= 0
            else "a: &a [x]\n"
            for n in range(-1, 8)
        ),
        r"\d+:\d+",
        "aliases inside aliases make this too large",
    ),
)

VALUES = (
    Broken("reference-unclosed", _key("${A"), "3:16", r"a reference is written \$\{NAME\}"),
    Broken("reference-without-a-name", _key("'${}'"), "3:16", r"a reference is written \$\{NAME\}"),
    Broken("reference-with-a-dash", _key("'${A-b}'"), "3:16", r"a reference is written \$\{NAME\}"),
    Broken("reference-inside-one", _key("'${A:-${B}}'"), "3:16", r"a reference is written \$\{NAME\}"),
    Broken("reference-of-the-shell", _key("$OPENAI_API_KEY"), "3:16", r"a reference is written \$\{NAME\}"),
    Broken("unset-in-the-middle", _key("sk-${UNSET_9A}-x"), "3:16", "the variable UNSET_9A is unset"),
    Broken("unset-as-a-path", _key("os.environ/UNSET_9A"), "3:16", "the variable UNSET_9A is unset"),
    Broken("unset-as-a-member", _key("env.UNSET_9A"), "3:16", "the variable UNSET_9A is unset"),
    Broken("empty-variable", _key("${EMPTY_9A}"), "3:16", "the variable EMPTY_9A is unset or empty"),
    Broken("empty-default", _key("${UNSET_9A:-}"), "3:16", "a key is empty: leave it out"),
    Broken("empty-quotes", _key("''"), "3:16", "a key is empty: leave it out"),
    Broken("example-key", _key("sk-your-key"), "3:16", "this is an example key"),
    Broken(
        "example-key-of-clients", "auth:\n  api_key: changeme\n" + _POOL, "2:12", "this is an example key"
    ),
    Broken(
        "example-key-in-a-list",
        f"auth:\n  api_key: [{PLANTED}, changeme]\n" + _POOL,
        r"2:\d\d",
        "example key",
    ),
    Broken(
        "spaces-in-a-key", _key(f"{PLANTED} {PLANTED}"), "3:16", "printable ASCII characters and no spaces"
    ),
    Broken("umlaut-in-a-key", _key(f"{PLANTED}ü"), "3:16", "printable ASCII characters and no spaces"),
    Broken("list-of-keys-in-an-entry", _key(f"[{PLANTED}, {PLANTED}]"), "3:7", "a single value is required"),
    Broken("auth-that-is-a-word", f"auth: {PLANTED}\n" + _POOL, "1:7", "write `auth: none`"),
    Broken("auth-that-is-a-list", f"auth: [{PLANTED}]\n" + _POOL, "1:1", "a mapping is required"),
    Broken("auth-without-a-key", "auth: {}\n" + _POOL, "1:1", "auth.api_key: missing; add it"),
    Broken("auth-with-no-keys", "auth: {api_key: []}\n" + _POOL, "1:8", "empty; at least one is required"),
    Broken("port-too-high", "server: {port: 65536}\n" + _POOL, "1:16", "at most 65535"),
    Broken("port-negative", "server: {port: -1}\n" + _POOL, "1:16", "at least 0"),
    Broken("port-zero", "server: {port: 0}\n" + _POOL, "1:16", "from 1 to 65535"),
    Broken("port-with-a-fraction", "server: {port: 80.5}\n" + _POOL, "1:16", "a whole number is required"),
    Broken("port-in-a-list", "server: {port: [80]}\n" + _POOL, "1:10", "a whole number is required"),
    Broken(
        "host-with-a-scheme",
        f"server: {{host: 'http://{PLANTED}'}}\n" + _POOL,
        "1:16",
        "a host name or an IP",
    ),
    Broken(
        "time-without-a-number", "timeouts: {idle: s}\n" + _POOL, "1:18", "a time is required, like 500ms"
    ),
    Broken("time-in-weeks", "timeouts: {idle: 1w}\n" + _POOL, "1:18", "a time is required, like 500ms"),
    Broken("time-below-zero", "timeouts: {idle: -5s}\n" + _POOL, "1:18", "a time is required, like 500ms"),
    Broken("time-of-zero", "timeouts: {idle: 0s}\n" + _POOL, "1:18", "more than 0 is required"),
    Broken("time-infinite", "timeouts: {idle: .inf}\n" + _POOL, "1:18", "a time is required"),
    Broken("time-in-a-list", "timeouts: {idle: [5s]}\n" + _POOL, "1:12", "a number is required"),
    Broken(
        "level-unknown", f"log: {{level: {PLANTED}}}\n" + _POOL, "1:14", "one of these is required: 'debug'"
    ),
    Broken("draining-too-short", "server: {drain: 1s}\n" + _POOL, "1:1", "must be shorter than drain"),
    Broken(
        "origin-with-a-path",
        "server: {cors_origins: ['https://a/b']}\n" + _POOL,
        "1:25",
        "an origin is required",
    ),
    Broken("origin-of-everybody", "server: {cors_origins: ['*']}\n" + _POOL, "1:25", "list those that may"),
    Broken(
        "switch-that-is-a-number", "health_check: {enabled: 7}\n" + _POOL, "1:25", "true or false is required"
    ),
    Broken(
        "base-url-without-a-scheme",
        f"pools:\n  groq:\n    - base_url: {PLANTED}\n",
        "3:17",
        "a URL is required",
    ),
    Broken(
        "base-url-with-a-password",
        f"pools:\n  groq:\n    - base_url: https://u:{PLANTED}@example.com\n",
        "3:17",
        "holds no user, password",
    ),
    Broken(
        "base-url-of-the-gateway",
        "pools:\n  groq:\n    - base_url: http://localhost:3000/v1\n",
        "3:17",
        "the gateway's own address; name an upstream",
    ),
    Broken(
        "capability-unknown",
        "pools: {groq: [{capabilities: {prefil: true}}]}\n",
        "1:32",
        "did you mean prefill",
    ),
    Broken(
        "capability-of-another-type", "pools: {groq: [{capabilities: {media: 3}}]}\n", "1:39", "not a value"
    ),
    Broken(
        "strategy-unknown",
        "pools: {groq: {strategy: lur, deployments: [{}]}}\n",
        "1:26",
        "no such strategy; did you mean lru",
    ),
    Broken(
        "strategy-with-two-names",
        "pools: {groq: {strategy: {lru: {}, rotate: {}}, deployments: [{}]}}\n",
        "1:16",
        "the name of a strategy is required",
    ),
    Broken(
        "strategy-with-an-unknown-option",
        "pools: {groq: {strategy: {lru: {every: 5}}, deployments: [{}]}}\n",
        "1:33",
        "not an option of this strategy",
    ),
    Broken(
        "strategy-with-a-wrong-option",
        "pools: {groq: {strategy: {rotate: {models_every: 0}}, deployments: [{}]}}\n",
        "1:50",
        "more than 0 is required",
    ),
    Broken(
        "strategy-out-of-step",
        "pools: {groq: {strategy: {rotate: {models_every: 5, keys_every: 7}}, deployments: [{}]}}\n",
        "1:27",
        "keys_every must be a multiple of models_every",
    ),
    Broken("price-of-no-class", "pools: {groq: [{price: cheap}]}\n", "1:24", "a number is required"),
    Broken("weight-of-nothing", "pools: {groq: [{weight: 0}]}\n", "1:25", "more than 0 is required"),
    Broken(
        "pattern-unclosed", "pools: {groq: [{models: ['o[0-9']}]}\n", "1:26", r"closes every \[ with a \]"
    ),
    Broken("pattern-empty", "pools: {groq: [{models: ['']}]}\n", "1:26", "a model's name or a pattern"),
)

NAMES = (
    Broken("no-pools", "server: {port: 3000}\n", "1:1", "there are no pools: write them below pools:"),
    Broken("pools-empty", "pools:\n", "1:1", "there are no pools: write them below pools:"),
    Broken("pool-empty", "pools:\n  groq: []\n", "2:3", "empty; at least one is required"),
    Broken("pool-that-is-a-word", f"pools:\n  groq: {PLANTED}\n", "2:9", "a mapping is required"),
    Broken("pools-that-are-a-list", f"pools:\n  - {PLANTED}\n", "1:1", "a mapping is required"),
    Broken("entry-that-is-a-word", f"pools:\n  groq:\n    - {PLANTED}\n", "3:7", "a mapping is required"),
    Broken(
        "pool-without-deployments",
        "pools:\n  groq: {default_model: x}\n",
        "2:3",
        r"deployments: missing; add it",
    ),
    Broken("pool-with-an-odd-name", "pools:\n  'a b': [{provider: demo}]\n", "2:3", "letters, digits"),
    Broken("pool-with-a-slash", "pools:\n  a/b: [{provider: demo}]\n", "2:3", "letters, digits"),
    Broken("pool-called-as-a-route", "pools:\n  health: [{provider: demo}]\n", "2:3", "a route of this name"),
    Broken("pool-called-as-a-version", "pools:\n  v1: [{provider: demo}]\n", "2:3", "a route of this name"),
    Broken(
        "pool-called-as-an-alias", "pools:\n  anthropic: [{provider: demo}]\n", "2:3", "a route of this name"
    ),
    Broken(
        "provider-unsaid", "pools:\n  main:\n    - name: x\n", "3:7", "so say provider: with one of cerebras"
    ),
    Broken(
        "provider-unknown",
        "pools:\n  main:\n    - provider: opnai-custom\n",
        "3:17",
        "did you mean openai-custom",
    ),
    Broken(
        "provider-far-off", f"pools:\n  main:\n    - provider: {PLANTED}\n", "3:17", "providers are cerebras"
    ),
    Broken(
        "uuid-twice",
        f"pools:\n  groq: [{{uuid: {PLANTED}}}]\n  xai: [{{uuid: {PLANTED}}}]\n",
        "3:16",
        r"pools.groq\[0\] has already",
    ),
    Broken(
        "default-unknown",
        "default_provider: demmo\n" + _POOL,
        "1:19",
        "no pool of this name; did you mean demo",
    ),
    Broken("default-far-off", f"default_provider: {PLANTED}\n" + _POOL, "1:19", "pools are demo"),
    Broken("chain-of-nobody", "fallback_chains: {dmo: demo}\n" + _POOL, "1:19", "did you mean demo"),
    Broken("chain-to-nowhere", "fallback_chains: {demo: gorq}\n" + _POOL, "1:25", "leads to no pool"),
    Broken(
        "chain-to-a-model", f"fallback_chains: {{demo: demo/{PLANTED}}}\n" + _POOL, "1:25", "leads to no pool"
    ),
    Broken("chain-empty", "fallback_chains: {demo: []}\n" + _POOL, "1:19", "empty; at least one is required"),
    Broken(
        "chain-to-itself",
        "fallback_chains: {demo: demo}\n" + _POOL,
        "1:25",
        "a circle: demo → demo; remove one",
    ),
    Broken(
        "chain-to-the-same-twice",
        "fallback_chains: {demo: [groq, groq]}\npools: {demo: [{}], groq: [{}]}\n",
        "1:32",
        "stands in twice",
    ),
    Broken(
        "circle-of-two",
        "fallback_chains:\n  demo: groq\n  groq: demo\npools: {demo: [{}], groq: [{}]}\n",
        "2:9",
        "a circle: demo → groq → demo; remove one of its links",
    ),
    Broken(
        "circle-of-three",
        "fallback_chains:\n  demo: groq\n  groq: [xai]\n  xai: [demo]\n"
        "pools: {demo: [{}], groq: [{}], xai: [{}]}\n",
        "3:10",
        "a circle: groq → xai → demo → groq",
    ),
    Broken(
        "alias-to-nowhere", "models: {gpt-4: deno/x}\n" + _POOL, "1:17", "no such pool; did you mean demo"
    ),
    Broken(
        "alias-to-a-bare-model",
        f"models: {{gpt-4: {PLANTED}}}\n" + _POOL,
        "1:17",
        "POOL or POOL/MODEL.*pools are demo",
    ),
    Broken("alias-to-no-model", "models: {gpt-4: demo/}\n" + _POOL, "1:17", "a target names one model"),
    Broken("alias-to-a-pattern", "models: {gpt-4: demo/gpt-*}\n" + _POOL, "1:17", "a target names one model"),
    Broken(
        "alias-without-a-target", "models: {gpt-4: {exclude: [x]}}\n" + _POOL, "1:10", "a target is required"
    ),
    Broken(
        "alias-to-a-broken-pattern", "models: {gpt-4: 'demo/regex:('}\n" + _POOL, "1:17", "regular expression"
    ),
    Broken(
        "target-with-an-unknown-setting",
        "models: {gpt-4: {target: demo, defaults: {temprature: 1}}}\n" + _POOL,
        "1:43",
        "unknown key; did you mean temperature",
    ),
    Broken(
        "two-system-prompts",
        "models: {gpt-4: {target: demo, system: {before: a, instead: b}}}\n" + _POOL,
        "1:32",
        "either before: or instead:",
    ),
    Broken("alias-empty", "models: {gpt-4: []}\n" + _POOL, "1:10", "empty; at least one is required"),
    Broken("alias-pattern-unclosed", "models: {'o[1': demo}\n" + _POOL, "1:10", r"closes every \["),
    Broken(
        "second-target-wrong",
        "models:\n  a:\n    - demo\n    - b/c\n" + _POOL,
        "4:7",
        r"models.a\[1\]: a target",
    ),
    Broken("pools-file-missing", f"provider_pools_file: {PLANTED}.yaml\n", "1:22", "there is no such file"),
    Broken("pools-file-that-is-a-folder", "provider_pools_file: .\n", "1:22", "there is no such file"),
    Broken("pools-file-in-place", "provider_pools_file: {demo: []}\n", "1:1", "a single value is required"),
    Broken("pools-here-and-there", "provider_pools_file: x.yaml\n" + _POOL, "2:1", "keep one of the two"),
    Broken(
        "open-to-the-network",
        "server:\n  host: 0.0.0.0\n" + _POOL,
        "2:9",
        "add the line `auth:.*or write `auth: none`",
    ),
    Broken("open-by-name", "server:\n  host: gateway.example\n" + _POOL, "2:9", "every caller needs a key"),
)
