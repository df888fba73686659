#!/bin/sh
# Makes the folder ./secrets and the file .env for docker-compose.yml. What is there already stays.
# The addresses and the Offload API key come from SIGNALBOX_PUBLIC_URL, SIGNALBOX_OFFLOAD_BASE_URL and SIGNALBOX_OFFLOAD_API_KEY, or are asked for.
#
# To change the API key, remove secrets/offload_api_key and run it again; then replace the ingresses and workers one after the other, as README.md
# says: they read it when they start. New tokens (secrets/tokens/internal_tokens) need no restart. The passwords of the two databases can't be
# changed so: the databases keep them.
set -eu
umask 022
mkdir -p secrets/tokens
chmod 700 secrets

# keep NAME: writes standard input to secrets/NAME unless it is there. The file appears whole.
keep() {
  if [ -s "secrets/$1" ]; then
    cat >/dev/null
  else
    cat >secrets/new
    mv secrets/new "secrets/$1"
  fi
}
random() { od -An -N32 -tx1 /dev/urandom | tr -d ' \n'; }

# ask NAME QUESTION: prints the value of the variable NAME, or what is answered.
ask() {
  eval "value=\${$1:-}"
  while [ -z "$value" ]; do
    printf '%s: ' "$2" >&2
    read -r value
  done
  printf '%s\n' "$value"
}

# setting NAME QUESTION: writes the variable NAME to .env unless it is there.
setting() {
  if ! grep -qs "^$1=" .env; then
    value=$(ask "$1" "$2")
    printf '%s=%s\n' "$1" "$value" >>.env
  fi
}

setting SIGNALBOX_PUBLIC_URL 'Where Offload reaches this machine, such as https://hooks.example.com'
setting SIGNALBOX_OFFLOAD_BASE_URL 'Where the Offload API is, such as https://offload.example.com'
if [ ! -s secrets/offload_api_key ]; then
  key=$(ask SIGNALBOX_OFFLOAD_API_KEY 'Offload API key')
  printf '%s\n' "$key" | keep offload_api_key
fi
random | keep temporal_db_password
random | keep inbox_password
random | keep grafana_password
printf 'operator:%s\n' "$(random)" | keep tokens/internal_tokens
printf 'postgres://signalbox:%s@postgresql:5432/signalbox?sslmode=disable\n' "$(cat secrets/inbox_password)" | keep inbox_url
printf 'POSTGRES_PWD=%s\nSQL_PASSWORD=%s\n' "$(cat secrets/temporal_db_password)" "$(cat secrets/temporal_db_password)" | keep temporal.env
keep config.yml <<'END'
## The --config file of the ingresses and workers: replace them after a change, one after the other. README.md, "Run it", lists what it may contain.
# agents:
#   my-agent:
#     secrets: ["the webhook secret of this agent at Artmail"]
END
echo "secrets are in ./secrets: tokens/internal_tokens holds the API token, grafana_password the password of Grafana's admin; the addresses are in .env"
