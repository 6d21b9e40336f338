# Tembr with its Python environment inside.  compose.yaml builds and runs it; deploy/build_image.sh builds and tries it
# without a Docker daemon.

# The full image has the compiler that a package without a ready build for this processor may ask for.
FROM python:3.11 AS environment

# no: PyTorch's default build, with CUDA.  Empty: its CPU build, where PyTorch's index of CPU builds can be reached.
ARG TEMBR_CPU_TORCH=""
# What it holds besides: "postgresql", "ray", or both (docs/scaling.md).
ARG TEMBR_WITH=""
# Where pip looks besides, and what it trusts, for who builds behind a mirror.
ARG PIP_INDEX_URL="" PIP_FIND_LINKS="" PIP_CERT=""
ENV PIP_NO_CACHE_DIR=1
WORKDIR /tembr
COPY tembr requirements*.lock ./
COPY translations translations
COPY deploy/slim.sh deploy/slim.sh
RUN ./tembr install \
    && for one in $TEMBR_WITH; do \
        .venv/bin/python -m pip install --require-hashes --no-deps -r "requirements-$one.lock" || exit 1; \
    done \
    && deploy/slim.sh .venv/lib/python3*/site-packages


FROM python:3.11-slim

RUN groupadd --gid 999 tembr && useradd --uid 999 --gid tembr --home-dir /data --shell /usr/sbin/nologin tembr \
    && install --directory --owner=tembr --group=tembr --mode=700 /data
WORKDIR /tembr
COPY --from=environment /tembr/.venv .venv
COPY . .
COPY --from=environment /tembr/translations translations
USER 999:999

# Other machines reach a container, so it starts with a password alone: compose.yaml gives it TEMBR_PASSWORD_FILE.
ENV TEMBR_HOST=0.0.0.0 \
    TEMBR_INSTANCE=/data \
    NUMBA_CACHE_DIR=/tmp/numba \
    PYTHONDONTWRITEBYTECODE=1
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD [".venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/readyz', timeout=8)"]
CMD ["./tembr", "serve"]
