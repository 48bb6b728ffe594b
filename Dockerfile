# An image of the runtime without a compiler, whose node runs as a user without rights.
#
#   docker build -t skynet-runtime .
#   docker run --rm -v "$PWD/game:/game" skynet-runtime /game/config
#
# Without a config it runs the demo, whose ports are open on 127.0.0.1 of the container unless its config says otherwise.

FROM debian:12-slim AS build
WORKDIR /src
COPY . .
RUN make setup && make NO_COMPDB=1 && make NO_COMPDB=1 install DESTDIR=/out PREFIX=/usr/local \
 && strip --strip-debug /out/usr/local/lib/skynet-runtime/runtime \
 && tools/runtime-packages > /out/runtime-packages

FROM debian:12-slim
COPY --from=build /out /
RUN apt-get update && xargs apt-get install -y --no-install-recommends < /runtime-packages \
 && rm -rf /var/lib/apt/lists/* /runtime-packages \
 && useradd --system skynet && install -d -o skynet /usr/local/lib/skynet-runtime/var
USER skynet
WORKDIR /usr/local/lib/skynet-runtime
# SIGTERM lets a node finish what is under way (docs/discovery.md): give it the time, with docker stop -t or terminationGracePeriodSeconds.
STOPSIGNAL SIGTERM
ENTRYPOINT ["skynet-runtime"]
CMD ["etc/config.cfg"]
