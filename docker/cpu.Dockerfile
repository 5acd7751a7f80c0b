# dubtool on a CPU: docker build -f docker/cpu.Dockerfile -t dubtool .
FROM python:3.11-slim-bookworm AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps -w /wheels .

FROM python:3.11-slim-bookworm
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
# mediapipe loads OpenGL ES even where it does not draw with it; ffmpeg comes with imageio-ffmpeg.
# The newest of a stable Debian is wanted, and older ones are not to be had.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libegl1 libgles2 \
    && rm -rf /var/lib/apt/lists/*
COPY --from=wheel /wheels /wheels
COPY constraints.txt /wheels/
# The CUDA libraries of onnxruntime-gpu, 340 MB, are of no use here.
RUN pip install --no-cache-dir -c /wheels/constraints.txt /wheels/*.whl \
    && version=$(pip list --format=freeze | sed -n 's/^onnxruntime-gpu==//p') \
    && pip uninstall -y onnxruntime-gpu \
    && pip install --no-cache-dir "onnxruntime==$version" \
    && rm -rf /wheels
RUN useradd --create-home --uid 1000 dubber
USER 1000
WORKDIR /films
ENTRYPOINT ["dubtool"]
