# The gateway's image: two stages, no compiler, nothing that has to be written to, no user but 10001. What survives a
# restart is kept in /opt/state, where that can be written.
#
#   docker build -t ai-client-gateway .
#   docker run --read-only -p 3000:3000 -v gateway-state:/opt/state -e API_KEY -e ANTHROPIC_API_KEY ai-client-gateway
#
# Everything that is installed is pinned with its hashes, build tools included. How the two lists are made is written
# at their tops. The base is pinned by tag; pin it by digest too where you mirror it.

FROM python:3.13-slim AS build
WORKDIR /build
# The environment that is kept has no pip of its own: the tools' pip fills it.
RUN python -m venv tools && python -m venv --without-pip /opt/gateway
COPY .ci/requirements-build.lock requirements.lock ./
RUN tools/bin/pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements-build.lock \
    && tools/bin/pip --python /opt/gateway/bin/python install --no-cache-dir --require-hashes --only-binary :all: \
        -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
RUN tools/bin/pip wheel --no-cache-dir --no-index --no-deps --no-build-isolation --wheel-dir wheels . \
    && tools/bin/pip --python /opt/gateway/bin/python install --no-cache-dir --no-index --no-deps wheels/*.whl \
    && mkdir state


FROM python:3.13-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="AI Client Gateway" \
      org.opencontainers.image.description="One gateway between every LLM client protocol and every LLM upstream protocol" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13-slim"
COPY --from=build /opt/gateway /opt/gateway
# A volume that is mounted there gets its owner.
COPY --from=build --chown=10001:10001 /build/state /opt/state
# Inside a container 127.0.0.1 reaches nobody, so the gateway listens everywhere, and therefore wants an API_KEY.
ENV PATH="/opt/gateway/bin:$PATH" \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GATEWAY_STATE_DIR=/opt/state \
    SERVER_HOST=0.0.0.0
# Where relative paths begin: configs/config.yaml is mounted as /gateway/configs/config.yaml.
WORKDIR /gateway
USER 10001:10001
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 CMD ["gateway", "healthcheck"]
ENTRYPOINT ["gateway"]
CMD ["serve"]
