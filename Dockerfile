# syntax=docker/dockerfile:1
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /out/troly ./cmd/troly \
 && mkdir /out/data

# Static and without a shell; runs as an ordinary user.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/troly /usr/local/bin/troly
COPY --from=build --chown=nonroot:nonroot /out/data /data
ENV TROLY_DATA_DIR=/data TROLY_ADDR=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["troly", "doctor", "--health"]
ENTRYPOINT ["troly"]
CMD ["serve"]
