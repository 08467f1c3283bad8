# The batch runner and the web service for any host with Docker, and AWS Batch's: docs/docker.md.
#
# Based on plain Python: the TensorFlow images that come with CUDA often find no GPU, whereas
# tensorflow[and-cuda] brings the very libraries that it was built with.
# Pinned, so that the same commit gives the same image. For security updates of the base, build with
# --build-arg PYTHON_IMAGE=python:3.13-slim and, if all is well, pin what that is then:
# docker buildx imagetools inspect python:3.13-slim.
ARG PYTHON_IMAGE=python:3.13.15-slim-trixie@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
FROM $PYTHON_IMAGE

# PYTHONPATH: aws/entrypoint.py imports the package. UV_SYSTEM_CERTS: the base may have a proxy's.
ENV PYTHONUNBUFFERED=1 \
    PYTHONPATH=/app \
    PATH=/app/.venv/bin:$PATH \
    UV_NO_CACHE=1 \
    UV_SYSTEM_CERTS=1 \
    UV_PYTHON_DOWNLOADS=never

RUN useradd --create-home --uid 1000 painter
WORKDIR /app

# gpu: TensorFlow with CUDA, which PyPI has for Linux on x86_64 alone: elsewhere, build with --platform
# linux/amd64. cpu: an image a quarter as large.
ARG TENSORFLOW=gpu
# --build-arg CLUSTER=1: a node of a Ray cluster (docs/cluster.md).
ARG CLUSTER=""
# Before the code, so that a change of it installs nothing; all in the versions that were tested.
COPY pyproject.toml uv.lock ./
COPY tools tools
RUN python tools/download_uv.py /usr/local/bin \
    && uv sync --locked --no-install-project --no-default-groups \
        --extra $TENSORFLOW ${CLUSTER:+--extra cluster}

# What .dockerignore lets through: code, samples, the built-in network, and what is in weights/.
COPY --chown=painter:painter . .
# Group 0: OpenShift runs the image as any user of that group.
RUN ALWAYS_VENV=1 ./start.sh setup --$TENSORFLOW ${CLUSTER:+--cluster} \
    && install --directory --owner=painter --group=0 --mode=775 /app /app/weights /app/results
USER painter

# Models whose published weights the image gets, for VGG_WEIGHTS=published or recipe inetwork:
# --build-arg WEIGHTS=vgg19 (or "vgg19 vgg16").
ARG WEIGHTS=""
RUN if [ -n "$WEIGHTS" ]; then python -m painterly weights $WEIGHTS; fi

# With gpu and without a GPU that computes: exit 4. On purpose on a CPU: --env DEVICE=cpu.
ENV DEVICE=$TENSORFLOW

# As lists: SIGTERM reaches Python itself, which saves a checkpoint.
STOPSIGNAL SIGTERM
CMD ["python", "-m", "painterly"]
