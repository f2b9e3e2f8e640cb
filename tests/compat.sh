#!/usr/bin/env bash
# Runs the browser tests in other versions of JupyterLab, Notebook and ipykernel than those of .venv, each in an
# environment of its own in .venv-compat/ (2 GB and a few minutes each). Without names, all are run:
#   tests/compat.sh [name...]
set -euo pipefail
cd "$(dirname "$0")/.."

declare -A versions=(
  [oldest]="jupyterlab==4.4.0 notebook==7.4.0 ipykernel==6.29.0"
  [lab44]="jupyterlab==4.4.* notebook==7.4.* ipykernel==6.*"
  [lab45]="jupyterlab==4.5.* notebook==7.5.* ipykernel==7.*"
  [lab46]="jupyterlab==4.6.* notebook==7.6.* ipykernel==7.*"
  [lab46-kernel6]="jupyterlab==4.6.* notebook==7.6.* ipykernel==6.*"
  [lab46-without-subshells]="jupyterlab==4.6.* notebook==7.6.* ipykernel==7.*"
)
names=("$@")
[ $# -gt 0 ] || names=(oldest lab44 lab45 lab46 lab46-kernel6 lab46-without-subshells)

failed=()
for name in "${names[@]}"; do
  venv=$PWD/.venv-compat/$name
  echo "== $name: ${versions[$name]}"
  [ -x "$venv/bin/python" ] || "${PYTHON:-python3.11}" -m venv "$venv"
  # shellcheck disable=SC2086  # several requirements in one word
  "$venv/bin/python" -m pip install -q --upgrade "pip>=24" -e ".[test]" ${versions[$name]}
  if [ "$name" = lab46-without-subshells ]; then
    mkdir -p "$venv/share/jupyter/lab/settings"
    echo '{"@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"}}' \
      > "$venv/share/jupyter/lab/settings/overrides.json"
  fi
  "$venv/bin/python" -m pip list | grep -E "^(jupyterlab|notebook|ipykernel) "
  "$venv/bin/python" -m pytest -q tests/browser || failed+=("$name")
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}"; exit 1; }
