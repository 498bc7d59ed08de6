#!/usr/bin/env bash
# usage: ci/outcome.sh [--word] CODE [ALLOWED]: say in words how a run ended, and end as the job should.
# ALLOWED names outcomes that end with 0 all the same: undecided, not-measured. With --word only the word is said.
set -fuo pipefail

only_word=false
if [ "${1:-}" = --word ]; then
  only_word=true
  shift
fi
code=${1:-13} allowed=${2:-}
for word in ${allowed//,/ }; do
  case $word in
    undecided | not-measured) ;;
    *) echo "gate: --allow $word: only 'undecided' and 'not-measured' can be allowed" >&2; exit 12 ;;
  esac
done

case $code in
  0) word=released ;;
  1) word=blocked ;;
  10) word=undecided ;;
  11) word=not-measured ;;
  12) word=bad-thresholds ;;
  13) word=broken ;;
  *) word=ended-early ;;
esac
if [ -z "${GATE_CANDIDATE:-}" ]; then   # nobody asked for a release
  case $code in 0) word=as-expected ;; 1) word=violation ;; esac
fi
if [ "$only_word" = true ]; then
  echo "$word"
  exit 0
fi
case " ${allowed//,/ } " in
  *" $word "*) echo "gate: $word (exit $code), which is allowed here"; exit 0 ;;
esac
echo "gate: $word (exit $code)"
exit "$code"
