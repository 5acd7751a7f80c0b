# dubtool on an NVIDIA GPU: docker build -f docker/cuda.Dockerfile -t dubtool:cuda . ; run it with --gpus all.
FROM python:3.11-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps -w /wheels .

FROM python:3.11-slim-bookworm
# The newest of a stable Debian is wanted, and older ones are not to be had.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libegl1 libgles2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=wheel /wheels /wheels
COPY constraints.txt /wheels/
# CUDA and cuDNN come as wheels; the driver is the host's.
RUN wheel=$(echo /wheels/*.whl) \
    && pip install --no-cache-dir -c /wheels/constraints.txt "${wheel}[gpu]" \
    && rm -rf /wheels
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,video,utility
RUN useradd --create-home --uid 1000 dubber
USER 1000
WORKDIR /films
ENTRYPOINT ["dubtool"]
