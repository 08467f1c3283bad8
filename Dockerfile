# The batch runner for any host with an NVIDIA GPU, and AWS Batch's: docs/docker.md.
#
# Based on plain Python: the TensorFlow images that come with CUDA often find no GPU, whereas
# tensorflow[and-cuda] brings the very libraries that it was built with.
# Pinned, so that the same commit gives the same image. For security updates of the base, build with
# --build-arg PYTHON_IMAGE=python:3.13-slim and, if all is well, pin what that is then:
# docker buildx imagetools inspect python:3.13-slim.
ARG PYTHON_IMAGE=python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
FROM $PYTHON_IMAGE

# PyPI's packages for GPUs are for Linux on x86_64 alone: elsewhere, build with --platform linux/amd64.
# PYTHONPATH: aws/entrypoint.py imports the package.
ENV PYTHONUNBUFFERED=1 \
    PYTHONPATH=/app \
    PATH=/app/.venv/bin:$PATH \
    UV_NO_CACHE=1 \
    UV_PYTHON_DOWNLOADS=never

# Its home is for what libraries cache, /app for weights/ and results/.
RUN useradd --create-home --uid 1000 painter \
    && install --directory --owner=painter --group=painter /app
WORKDIR /app

# Before the code, so that a change of it installs nothing: TensorFlow with CUDA, and all else in the
# versions that were tested. --build-arg CLUSTER=1: a node of a Ray cluster (docs/cluster.md).
ARG CLUSTER=""
COPY pyproject.toml uv.lock ./
COPY tools tools
RUN python tools/download_uv.py /usr/local/bin \
    && uv sync --locked --no-install-project --extra gpu ${CLUSTER:+--extra cluster}

# What .dockerignore lets through: code, samples, the built-in network, and what is in weights/.
COPY --chown=painter:painter . .
RUN DEVICE=gpu ./start.sh setup ${CLUSTER:+--cluster}
USER painter

# Models whose published weights the image gets, for VGG_WEIGHTS=published or recipe inetwork:
# --build-arg WEIGHTS=vgg19 (or "vgg19 vgg16").
ARG WEIGHTS=""
RUN if [ -n "$WEIGHTS" ]; then python -m styletransfer.cli.weights $WEIGHTS; fi

# Without a GPU that computes: exit 4. On purpose on a CPU: --env DEVICE=cpu.
ENV DEVICE=gpu

# As lists: SIGTERM reaches Python itself, which saves a checkpoint.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "styletransfer"]
