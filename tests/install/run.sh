#!/usr/bin/env bash
# Uses the library from outside, in all ways that it is delivered in: static and shared, by find_package, pkg-config,
# add_subdirectory and FetchContent, by hosts with and without exceptions and run-time type information. Says what a
# static library adds to a host.
#   tests/install/run.sh [BUILD_DIR]      default: build/release
# It builds preset "package" (shared); ccache has its objects from release's build.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build/release}" && pwd)
shared=$root/build/package

# What a static library may add to a stripped host.
max_added_kib=4096

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
expected=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")

fail() {
  echo "install: $1" >&2
  exit 1
}

check() { # NAME PROGRAM
  local said
  said=$("$2") || fail "$1: the program failed"
  [ "$said" = "$expected" ] || fail "$1: the program says version '$said', expected '$expected'"
  echo "install: $1: ok"
}

# Both consumers, built by CMake.
by_cmake() { # NAME BY ARGUMENT...
  local name=$1 by=$2 dir="$work/build-${1// /-}"
  shift 2
  cmake -G Ninja -S "$here" -B "$dir" -DCMAKE_BUILD_TYPE=Release -DDISCOVERY_BY="$by" --log-level=WARNING "$@" >/dev/null
  cmake --build "$dir" --target consumer plain_consumer >"$dir/log" 2>&1 || { cat "$dir/log" >&2; fail "$name: it does not build"; }
  check "$name" "$dir/consumer"
  check "$name, without exceptions and RTTI" "$dir/plain_consumer"
}

by_pkg_config() { # NAME PREFIX
  local pc_dir lib_dir
  pc_dir=$(dirname "$(find "$2" -name discovery.pc)")
  lib_dir=$(dirname "$(find "$2" -name 'libdiscovery.*' | head -n 1)")
  # shellcheck disable=SC2046 # the flags are words
  g++ -std=c++20 "$here/main.cc" -o "$work/by-pkg-config" \
    $(PKG_CONFIG_PATH="$pc_dir" pkg-config --cflags --libs discovery) -Wl,-rpath,"$lib_dir"
  check "$1" "$work/by-pkg-config"
}

# --- static ------------------------------------------------------------------------------------------------------------

cmake --install "$build" --prefix "$work/static" >/dev/null
by_cmake "static, find_package" find_package -DCMAKE_PREFIX_PATH="$work/static"
by_pkg_config "static, pkg-config" "$work/static"

# OpenSSL is loaded when TLS is first spoken, and the program tells whoever packages it.
consumer="$work/build-static,-find_package/consumer"
if ldd "$consumer" | grep -E 'libssl|libcrypto'; then fail "OpenSSL is loaded at start"; fi
[[ $(readelf -n "$consumer") == *FDO* ]] || fail "the program does not say that it may load OpenSSL"

echo 'int main() {}' >"$work/empty.cc"
g++ -O2 -s "$work/empty.cc" -o "$work/empty"
strip -o "$work/stripped" "$consumer"
added=$((($(stat -c %s "$work/stripped") - $(stat -c %s "$work/empty")) / 1024))
echo "install: a host with an embedded agent is $added KiB larger than an empty program (at most $max_added_kib)"
[ "$added" -le "$max_added_kib" ] || fail "that is too much"

# --- as a part of the host's build -------------------------------------------------------------------------------------

export REUSE_FROM=$build REUSE_FLAGS=$work/flags
mkdir "$REUSE_FLAGS"
for target in discovery_objects discovery_lean discovery_face; do
  ninja -C "$build" -t commands $target | grep -- "-o CMakeFiles/$target.dir/lib/.*[.]o " | tail -n 1 >"$REUSE_FLAGS/$target"
done
launcher=-DCMAKE_CXX_COMPILER_LAUNCHER=$here/reuse_object.sh
by_cmake "add_subdirectory" add_subdirectory -DDISCOVERY_SOURCE="$root" "$launcher"
by_cmake "FetchContent" FetchContent -DFETCHCONTENT_SOURCE_DIR_DISCOVERY="$root" -DFETCHCONTENT_FULLY_DISCONNECTED=ON "$launcher"

# --- shared ------------------------------------------------------------------------------------------------------------

(cd "$root" && cmake --preset package --log-level=WARNING >/dev/null && cmake --build --preset package >"$work/log" 2>&1) ||
  { tail -n 50 "$work/log" >&2; fail "preset package does not build"; }
cmake --install "$shared" --prefix "$work/runtime" --component runtime >/dev/null
foreign=$(find "$work/runtime" -type f ! -name "libdiscovery.so.*" ! -name copyright)
[ -z "$foreign" ] || fail "component runtime is more than the library: $foreign"
for component in runtime dev; do
  cmake --install "$shared" --prefix "$work/shared" --component $component >/dev/null
done
by_cmake "shared, find_package" find_package -DCMAKE_PREFIX_PATH="$work/shared"
by_pkg_config "shared, pkg-config" "$work/shared"

# Nothing but discovery's own names leaves the library.
library=$(find "$work/shared" -name 'libdiscovery.so.*.*.*')
foreign=$(nm -DC --defined-only "$library" | cut -c 20- | grep -vE '^(typeinfo (name )?for |vtable for |guard variable for |VTT for )?(non-virtual thunk to )?discovery::|^std::|^(typeinfo|typeinfo name|vtable) for std::' || true)
[ -z "$foreign" ] || fail "it exports: $(head -n 5 <<<"$foreign")"
private=$(nm -DC --defined-only "$library" | cut -c 20- | grep -E '^discovery::(api|agent|server|state|http1?|dns|env|model|health|codec|balance|remote)::' || true)
[ -z "$private" ] || fail "it exports what is private: $(head -n 5 <<<"$private")"
# And all of those, or sources are missing from the face (CMakeLists.txt).
offered=$(grep -rhoE '(class|struct) (\[\[nodiscard\]\] )?DISCOVERY_EXPORT [A-Za-z]+' "$root/include/discovery" | sed 's/.* //' | sort -u | paste -sd '|')
hidden=$(nm -C "$library" | grep -E "^[0-9a-f]+ t discovery::v0::([a-z]+::)?($offered)::[^:]*$" | grep -v '\[clone ' || true)
[ -z "$hidden" ] || fail "it hides what the headers offer: $(head -n 5 <<<"$hidden")"
echo "install: $(nm -D --defined-only "$library" | wc -l) names are exported"
