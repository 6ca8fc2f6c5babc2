#!/bin/bash -eu
# Puts into $OUT all that fuzzing needs: mcp-litmus, the server, and one fuzzer for it. Several servers are several fuzzers: copy
# the file under other names ending in _fuzzer, each with its own command.
cp "$(command -v mcp-litmus)" "$OUT/mcp-litmus"
cp -R . "$OUT/server"
install -m 755 "${FUZZER:-.clusterfuzzlite/mcp_server_fuzzer}" "$OUT/mcp_server_fuzzer"
