# Tembr with its Python environment inside.  compose.yaml builds and runs it.

# The full image has the compiler that a package without a ready build for this processor may ask for.
FROM python:3.11 AS environment

# no: PyTorch's default build, with CUDA.  Empty: its CPU build, where PyTorch's index of CPU builds can be reached.
ARG TEMBR_CPU_TORCH=""
ENV PIP_NO_CACHE_DIR=1
WORKDIR /tembr
COPY tembr requirements*.lock ./
RUN ./tembr install


FROM python:3.11-slim

RUN useradd --system --create-home tembr && install --directory --owner=tembr --group=tembr --mode=700 /data
WORKDIR /tembr
COPY --from=environment /tembr/.venv .venv
COPY . .
USER tembr

# The container's own network is the only one that reaches it: compose.yaml publishes the port on 127.0.0.1.
ENV TEMBR_HOST=0.0.0.0 \
    TEMBR_ALLOW_REMOTE=1 \
    TEMBR_INSTANCE=/data \
    NUMBA_CACHE_DIR=/tmp/numba
VOLUME /data
EXPOSE 5000
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
    CMD [".venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/voices', timeout=8)"]
CMD ["./tembr", "serve"]
