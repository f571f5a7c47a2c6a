#!/usr/bin/env bash
# Installs a build to an empty prefix and uses it from outside, through CMake and through pkg-config.
#   tests/install/run.sh [BUILD_DIR]      default: build/release
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$(cd "${1:-$here/../../build/release}" && pwd)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

cmake --install "$build" --prefix "$prefix" >/dev/null
expected=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")

check() { # NAME PROGRAM
  local said
  said=$("$2")
  if [ "$said" != "$expected" ]; then
    echo "install: $1: the program says version '$said', expected '$expected'" >&2
    exit 1
  fi
  echo "install: $1: ok, version $said"
}

cmake -G Ninja -S "$here" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_BUILD_TYPE=Release --log-level=WARNING >/dev/null
cmake --build "$work/build" >/dev/null
check "find_package" "$work/build/consumer"

pc_dir=$(dirname "$(find "$prefix" -name discovery.pc)")
lib_dir=$(dirname "$(find "$prefix" -name 'libdiscovery.*' | head -n 1)")
# shellcheck disable=SC2046 # the flags are words
g++ -std=c++20 "$here/main.cc" -o "$work/consumer" $(PKG_CONFIG_PATH="$pc_dir" pkg-config --cflags --libs discovery) -Wl,-rpath,"$lib_dir"
check "pkg-config" "$work/consumer"

if [ -x "$prefix/bin/discoveryd" ]; then echo "install: bin/discoveryd is there"; fi
