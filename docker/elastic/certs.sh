#!/usr/bin/env bash
# One CA and one certificate for the node, made once.
set -euo pipefail
cd /usr/share/elasticsearch
certs=config/certs

if [ ! -f "$certs/ca/ca.crt" ]; then
    bin/elasticsearch-certutil ca --silent --pem --out /tmp/ca.zip
    unzip -q /tmp/ca.zip -d "$certs"
fi
if [ ! -f "$certs/elasticsearch/elasticsearch.crt" ]; then
    bin/elasticsearch-certutil cert --silent --pem --name elasticsearch \
        --dns elasticsearch,localhost --ip 127.0.0.1 \
        --ca-cert "$certs/ca/ca.crt" --ca-key "$certs/ca/ca.key" --out /tmp/node.zip
    unzip -q /tmp/node.zip -d "$certs"
fi
# The CA's certificate is for everybody who connects, the keys are for the node alone.
chown -R root:root "$certs"
find "$certs" -type d -exec chmod 755 {} +
find "$certs" -name '*.crt' -exec chmod 644 {} +
find "$certs" -name '*.key' -exec chmod 640 {} +
chown root:1000 "$certs/elasticsearch/elasticsearch.key"
# A new volume belongs to root; the node is user 1000.
chown 1000:0 snapshots
