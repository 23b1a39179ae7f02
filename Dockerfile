# One image for the platform, the worker and the dashboard; docker-compose.yml chooses the command.
# One and not three: the platform's dependencies include the worker's (the extra `platform` holds
# `runner`), so three images would cost more disk than they keep apart.
ARG BASE=python:3.12-slim

FROM ${BASE} AS packages
# Without a network: put the wheels of requirements-server.lock, made for the base's Python, in
# wheels/ and build with --build-arg PIP_OPTIONS="--no-index --find-links /wheels".
ARG PIP_OPTIONS=""
# The brackets make a pattern of the folder's name: it may be absent.
COPY requirements-server.lock wheel[s] /wheels/
# Debian's own Python is externally managed, so everything lives in a virtual environment.
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install ${PIP_OPTIONS} --require-hashes --no-deps --no-compile \
    --no-cache-dir --disable-pip-version-check -r /wheels/requirements-server.lock \
 && /opt/venv/bin/python -m compileall -q -j 0 /opt/venv/lib
COPY pyproject.toml README.md LICENSE /source/
COPY client /source/client
COPY platform /source/platform
COPY runner /source/runner
COPY metrics /source/metrics
COPY dashboard /source/dashboard
RUN /opt/venv/bin/python -m pip install --no-index --no-deps --no-build-isolation --no-cache-dir \
    --disable-pip-version-check /source

FROM ${BASE}
LABEL org.opencontainers.image.title="Proctor" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    LANG=C.UTF-8 \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
# A new volume takes owner and mode of the folder it is mounted over.
RUN cd /var/lib \
 && mkdir -p proctor-tokens \
 && mkdir -m 0700 proctor proctor-scorer proctor-tokens/run proctor-tokens/score \
 && mkdir -m 0755 proctor-database \
 && chown 65532:65532 proctor proctor-scorer proctor-tokens/run proctor-tokens/score proctor-database
COPY --from=packages /opt/venv /opt/venv
WORKDIR /
USER 65532:65532
CMD ["proctor", "--help"]
