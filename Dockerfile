# Two stages: what compiles and downloads stays in the first; the second holds the environment and the program.

FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/muniment
ENV PATH=/opt/muniment/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY requirements requirements
# As in the Makefile: what has hashes first, then torch. This layer changes only when a version does.
RUN pip install --no-deps --require-hashes -r requirements/run.txt -r requirements/postgres.txt \
    && pip install -c constraints.txt torch
COPY app app
COPY engine engine
COPY ingest ingest
COPY storage storage
RUN pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
# Reads .doc, .rtf, .odt, .ppt and .odp; about 300 MB. Without it such files are refused with a reason.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libreoffice-writer-nogui libreoffice-impress-nogui \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 muniment \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin muniment \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/muniment /opt/muniment
ENV PATH=/opt/muniment/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    MUNIMENT_HOME=/data \
    MUNIMENT_ADDRESS=0.0.0.0
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/health', timeout=4)"]
CMD ["muniment", "serve"]
