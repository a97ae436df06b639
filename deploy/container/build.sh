#!/bin/sh
# Makes the file tree of the image in a directory: `sh deploy/container/build.sh /out`, after `npm ci`, from the root of a checkout.
# Versions are those of package-lock.json, so the same commit gives the same tree.
set -eu
out=${1:?usage: build.sh <new directory>}
mkdir "$out" "$out/bin"
packed=$(mktemp -d)
trap 'rm -rf "$packed"' EXIT

npm pack --silent --workspace packages/client --workspace packages/posthorn --pack-destination "$packed" >/dev/null

# What the lock file pins for the server, and what its optional features need: email and traces.
cp package.json package-lock.json "$out"
for manifest in packages/*/package.json test/openapi-client/package.json; do
  mkdir -p "$out/$(dirname "$manifest")"
  cp "$manifest" "$out/$manifest"
done
(
  cd "$out"
  node -e '
    const { readFileSync, writeFileSync } = require("node:fs");
    const { name, version, private: isPrivate, workspaces, devDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
    const optional = Object.entries(devDependencies).filter(([one]) => one === "nodemailer" || /^@opentelemetry\//.test(one));
    writeFileSync("package.json", JSON.stringify({ name, version, private: isPrivate, workspaces, dependencies: Object.fromEntries(optional) }));
  '
  npm install --silent --package-lock-only --ignore-scripts --no-audit --no-fund
  npm ci --silent --omit=dev --omit=peer --omit=optional --ignore-scripts --no-audit --no-fund \
    --workspace packages/posthorn --workspace packages/client --include-workspace-root
)
tar -xzf "$packed"/posthorn-client-*.tgz -C "$out/packages/client" --strip-components 1
tar -xzf "$packed"/posthorn-[0-9]*.tgz -C "$out/packages/posthorn" --strip-components 1
# Packages that are not part of the server.
rm -rf "$out/packages/audit" "$out/packages/lab" "$out/packages/dashboard" "$out/test"
rm -f "$out/node_modules/@posthorn/audit" "$out/node_modules/@posthorn/lab" "$out/node_modules/@posthorn/dashboard" "$out"/node_modules/posthorn-*
ln -s ../packages/posthorn/bin/posthorn.js "$out/bin/posthorn"
chmod 0755 "$out/packages/posthorn/bin/posthorn.js"
