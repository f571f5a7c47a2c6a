#!/usr/bin/env bash
# A compiler launcher for run.sh: what the library is made of is taken from a build that has compiled it, as long as that
# was done for the same language and with the same definitions; everything else is compiled.
#   REUSE_FROM   the build directory
#   REUSE_FLAGS  a folder with a command of that build for each of the library's targets
set -euo pipefail

output='' source='' depfile='' previous=''
for word in "$@"; do
  case $previous in
    -o) output=$word ;;
    -c) source=$word ;;
    -MF) depfile=$word ;;
  esac
  previous=$word
done

object=$REUSE_FROM/CMakeFiles/${output#*CMakeFiles/}
target=${output#*CMakeFiles/}
target=${target%%.dir/*}
case $source in
  */lib/balance/* | */lib/api/version.cc | */lib/base/*) exec "$@" ;; # these show that it compiles
esac
if [ ! -f "$REUSE_FLAGS/$target" ] || [ ! -f "$object" ]; then exec "$@"; fi

essential() { printf '%s\n' "$@" | grep -E '^(-D|-std=|-fvisibility|-fPIC)' | tr -d '\\"' | sort -u | tr '\n' ' '; }
# shellcheck disable=SC2046 # the recorded command is words
there=$(essential $(cat "$REUSE_FLAGS/$target"))
here=$(essential "$@")
if [ "$here" != "$there" ]; then
  printf '%s would be compiled otherwise:\n  here:  %s\n  there: %s\n' "$source" "$here" "$there" >&2
  exit 1
fi
cp "$object" "$output"
if [ -n "$depfile" ]; then printf '%s: %s\n' "$output" "$source" >"$depfile"; fi
