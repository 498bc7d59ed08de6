#!/usr/bin/env bash
# Gate a checkpoint on any CI system: install the suite from this checkout, run it, end with its exit code.
set -fuo pipefail

usage() {
  cat <<'TEXT'
usage: ci/gate.sh [OPTION VALUE ...] [--strict] [--allure] [-- PYTEST_ARGUMENT ...]

  --candidate [NAME=]SPEC  the checkpoint to gate; may be given several times
  --as ROLE                the model of the cast that it would replace
  --cast NAME|FILE         who plays, on what data
  --gate FILE              the release policy, in place of the cast's own
  --baseline DIR           a recorded baseline, in place of the incumbent
  --findings DIR           findings of your own
  --strict                 changed characteristics block as well
  --allow WORDS            outcomes that end with 0 all the same: undecided, not-measured
  --workers N              processes that judge (4)
  --reports DIR            where reports and history go (reports)
  --junit FILE             JUnit XML (junit.xml among the reports)
  --cache DIR              where evidence is kept (DEMEANOUR_CACHE, or the user's cache folder)
  --cache-limit SIZE       how large it may grow, such as 4GB
  --allure                 make reports/allure.html too; needs Node, and the first time the network
  --install uv|pip|none    how the suite is installed (uv); none takes the python3 of the PATH as it is
  --extras NAMES           of the suite, separated by commas: onnx, corruptions
  --python-version VERSION such as 3.13

What is not given is read from the environment: --candidate from GATE_CANDIDATE, one a line, --cache-limit from
GATE_CACHE_LIMIT, --strict from GATE_STRICT=true, PYTEST_ARGUMENTs from GATE_ARGUMENTS, one a line. Relative paths start
where it is called.

exit codes: 0 released, 1 blocked, 10 undecided, 11 not measured, 12 bad options or thresholds, 13 broken
TEXT
}

refuse() {
  echo "gate: $1" >&2
  exit 12
}

suite=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 13
valued=" candidate as cast gate baseline findings allow workers reports junit cache cache-limit install extras"
valued="$valued python-version "
candidates=""
while [ $# -gt 0 ]; do
  case $1 in
    --help) usage; exit 0 ;;
    --strict) GATE_STRICT=true; shift; continue ;;
    --allure) GATE_ALLURE=true; shift; continue ;;
    --) shift; break ;;
    --*) ;;
    *) refuse "$1: what goes to pytest stands behind --" ;;
  esac
  option=${1#--} name=${1#--}
  name=${name%%=*}
  case $valued in *" $name "*) ;; *) refuse "--$name: there is no such option; see --help" ;; esac
  if [ "$option" != "$name" ]; then
    value=${option#*=}
  else
    [ $# -gt 1 ] || refuse "--$name needs a value"
    value=$2
    shift
  fi
  shift
  if [ "$name" = candidate ]; then
    candidates="$candidates$value"$'\n'
  else
    printf -v "GATE_$(printf %s "$name" | tr 'a-z-' 'A-Z_')" %s "$value"
  fi
done
GATE_CANDIDATE=${candidates:-${GATE_CANDIDATE:-}}
export GATE_CANDIDATE

strict=${GATE_STRICT:-false} allure=${GATE_ALLURE:-false} how=${GATE_INSTALL:-uv} reports=${GATE_REPORTS:-reports}
junit=${GATE_JUNIT:-$reports/junit.xml} version=${GATE_PYTHON_VERSION:-} extras=${GATE_EXTRAS:-}
for flag in "$strict" "$allure"; do
  case $flag in true | false) ;; *) refuse "GATE_STRICT and GATE_ALLURE are true or false, not '$flag'" ;; esac
done
bash "$suite/ci/outcome.sh" --word 0 "${GATE_ALLOW:-}" >/dev/null || exit 12

# all of it checked; from here on old reports must not be taken for this run's
for old in summary.md summary.html verdicts.json paper.html allure.html; do rm -f "$reports/$old"; done
rm -f "$junit"
mkdir -p "$reports" || refuse "$reports: the reports cannot be written"

with_uv() {
  local uv=(uv) given=() extra
  if ! command -v uv >/dev/null; then
    python3 -m pip install --quiet uv || return
    uv=(python3 -m uv)
  fi
  for extra in ${extras//,/ }; do given+=(--extra "$extra"); done
  # inexact: in a checkout that people work in, what they installed beside it stays
  "${uv[@]}" sync --project "$suite" --no-dev --inexact ${version:+--python "$version"} ${given[@]+"${given[@]}"} || return
  python=$(cd "$suite" && cd "${UV_PROJECT_ENVIRONMENT:-.venv}" && pwd)/bin/python
}

with_pip() {
  "python${version:-3}" -m venv "$suite/.venv" || return
  python=$suite/.venv/bin/python
  "$python" -m pip install --quiet --editable "$suite${extras:+[$extras]}"
}

case $how in
  uv) with_uv ;;
  pip) with_pip ;;
  none) python=python3; "$python" -c "import demeanour" ;;
  *) refuse "--install $how: expected uv, pip or none" ;;
esac || { echo "gate: the suite is not installed, see above; nothing was judged" >&2; exit 13; }

[ -z "${GATE_CACHE:-}" ] || export DEMEANOUR_CACHE=$GATE_CACHE
[ -z "${GATE_CACHE_LIMIT:-}" ] || export DEMEANOUR_CACHE_LIMIT=$GATE_CACHE_LIMIT

arguments=(--numprocesses="${GATE_WORKERS:-4}" --reports="$reports" --junitxml="$junit")
[ -z "${GATE_CAST:-}" ] || arguments+=(--cast="$GATE_CAST")
[ -z "${GATE_AS:-}" ] || arguments+=(--as="$GATE_AS")
[ -z "${GATE_GATE:-}" ] || arguments+=(--gate="$GATE_GATE")
[ -z "${GATE_BASELINE:-}" ] || arguments+=(--baseline="$GATE_BASELINE")
[ -z "${GATE_FINDINGS:-}" ] || arguments+=(--findings="$GATE_FINDINGS")
[ "$strict" = false ] || arguments+=(--strict)
while IFS= read -r line; do [ -z "$line" ] || arguments+=(--candidate="$line"); done <<<"$GATE_CANDIDATE"
while IFS= read -r line; do [ -z "$line" ] || arguments+=("$line"); done <<<"${GATE_ARGUMENTS:-}"

code=0
"$python" -m pytest --config-file="$suite/pyproject.toml" "$suite/behaviours" "${arguments[@]}" "$@" </dev/null || code=$?
[ "$code" != 4 ] || code=12   # pytest's own word for options that it does not know

if [ "$allure" = true ]; then
  "$python" -c "import sys; from demeanour.cli import main; sys.exit(main())" \
    report --results "$reports/allure-results" </dev/null || echo "gate: no Allure report, see above" >&2
fi
exec bash "$suite/ci/outcome.sh" "$code" "${GATE_ALLOW:-}"
