# syntax=docker/dockerfile:1
# Two stages: the first installs at the locked versions, compiles the kernels and writes the bill of materials, the second
# holds the result alone. It runs as uid 10001 on a read-only root:
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges -v spanline:/var/lib/spanline spanline demo
# A live span port needs --network host --user 0 --cap-add NET_RAW --cap-add SETUID --cap-add SETGID --cap-add CHOWN beside
# --cap-drop ALL: it is opened first, then all of that is given up and the process becomes the user spanline.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/spanline
ENV SPANLINE_KERNEL_CACHE=/opt/spanline/kernels
COPY pyproject.toml uv.lock README.md LICENSE .ci/constraints.py .ci/sbom.py ./
# Requirements first: they change less often than the program.
RUN mkdir .ci && mv constraints.py sbom.py .ci/ \
    && python .ci/constraints.py > /tmp/constraints.txt \
    && python -c "import tomllib; print('\n'.join(tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies']))" \
        > /tmp/requirements.txt \
    && /opt/spanline/bin/pip install --no-cache-dir --constraint /tmp/constraints.txt --requirement /tmp/requirements.txt
COPY sensor sensor
COPY baselines baselines
COPY pcaps pcaps
# A layer keeps times in whole seconds, and numba takes a source file with another time for another file: so whole
# seconds from the start, or every kernel would be compiled again in the container.
RUN /opt/spanline/bin/pip install --no-cache-dir --no-compile --no-deps . \
    && cd /opt/spanline/lib/python3.11/site-packages \
    && find sensor baselines -name '*.py' -exec touch -d 2020-02-02T00:00:00Z {} + \
    && /opt/spanline/bin/python -m compileall -q -x _samples sensor baselines \
    && /opt/spanline/bin/python -m sensor.cli.warm \
    && dpkg-query -W -f '${Package} ${Version}\n' > /tmp/debian.txt \
    && python /src/.ci/sbom.py . /tmp/debian.txt > /opt/spanline/sbom.cdx.json

FROM python:3.11-slim
RUN useradd --uid 10001 --create-home --home-dir /var/lib/spanline --shell /usr/sbin/nologin spanline
# The cache is keyed by processor: on another kind than the build's, kernels are compiled at the first start and kept
# here, so the user must own it.
COPY --from=build --chown=10001:10001 /opt/spanline /opt/spanline
ENV PATH=/opt/spanline/bin:$PATH \
    SPANLINE_KERNEL_CACHE=/opt/spanline/kernels \
    SPANLINE_STATE=/var/lib/spanline/state \
    PYTHONUNBUFFERED=1
USER 10001
WORKDIR /var/lib/spanline
VOLUME /var/lib/spanline
# A sensor that gave no sign of life for two minutes is not healthy. Its configuration says state = "$SPANLINE_STATE".
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s CMD ["spanline", "doctor", "--health"]
ENTRYPOINT ["spanline"]
CMD ["--help"]
