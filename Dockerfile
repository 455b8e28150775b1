# genrescope as a service: `docker build -t genrescope .`, then `docker run -p 127.0.0.1:8050:8050 genrescope`, or see
# compose.yaml. The first address, with its password, is printed to the log.

FROM python:3.13-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /opt/genrescope
# First what changes seldom: with the same list of versions the next build begins behind this step.
COPY requirements requirements
RUN python -m venv /opt/venv && /opt/venv/bin/pip install --requirement requirements/live-cpu.txt
COPY . .
# What is compiled here need not be compiled at every start, as nothing can be written then; and the host's file modes
# are not ours.
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation --editable . \
    && /opt/venv/bin/pip uninstall --yes pip \
    && /opt/venv/bin/python -m compileall -q dashboard model sample_audio stream \
    && chmod -R a+rX,go-w /opt/genrescope /opt/venv

FROM python:3.13-slim-trixie
# ffmpeg reads m4a, wma, webm, and every link. PortAudio is left out: a container has no sound card, and the page says
# so; its sound comes from files, links and browsers, and is heard in the browser.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ffmpeg \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin genrescope
COPY --from=build /opt/venv /opt/venv
COPY --from=build /opt/genrescope /opt/genrescope
WORKDIR /opt/genrescope
# Everything that is written is temporary: uploads, kept sound, what is fetched of links.
ENV PATH=/opt/venv/bin:$PATH HOME=/tmp TMPDIR=/tmp PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# By number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8050
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8050/api/v1/health/live', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["genrescope"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8050", "--no-browser"]
