#!/usr/bin/env bash
# Builds the Debian packages, installs them, uses what they bring, and removes them without a trace. As root on this
# system; otherwise they are unpacked to a folder, and what scripts of packages do is left out.
#   tests/install/packages.sh
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$root/build/package
work=$(mktemp -d)
daemon=''
had_user=$(getent passwd discoveryd || true)

fail() {
  echo "packages: $1" >&2
  exit 1
}

clean_up() {
  if [ -n "$daemon" ]; then kill "$daemon" 2>/dev/null || true; wait "$daemon" 2>/dev/null || true; fi
  if [ "$(id -u)" -eq 0 ]; then
    dpkg --purge discoveryd libdiscovery-dev "$runtime" >/dev/null 2>&1 || true
    if [ -z "$had_user" ]; then deluser --quiet --system discoveryd >/dev/null 2>&1 || true; fi
  fi
  rm -rf "$work"
}

for name in discoveryd libdiscovery-dev; do
  case $(dpkg-query -W -f '${db:Status-Status}' $name 2>/dev/null || true) in
    '' | not-installed) ;;
    *) fail "$name is installed here already; this test would remove it" ;;
  esac
done

cd "$root"
cmake --preset package --log-level=WARNING >/dev/null
cmake --build --preset package >"$work/log" 2>&1 || { tail -n 50 "$work/log" >&2; fail "preset package does not build"; }
rm -rf "$build/packages"
(cd "$build" && cpack) >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "cpack fails"; }
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
runtime=libdiscovery${version%.*}
trap clean_up EXIT

# --- what is in them ---------------------------------------------------------------------------------------------------

package() { find "$build/packages" -maxdepth 1 -name "$1_${version}_*.deb"; }
field() { dpkg-deb -f "$(package "$1")" "$2"; }
for name in "$runtime" libdiscovery-dev discoveryd; do
  [ -f "$(package "$name")" ] || fail "there is no package $name: $(ls "$build/packages")"
  [ "$(field "$name" Package)" = "$name" ] || fail "$(package "$name") is called $(field "$name" Package)"
  if dpkg-deb -c "$(package "$name")" | grep -vq '^[^ ]* root/root '; then fail "$name holds files of others than root"; fi
  echo "packages: $name: $(field "$name" Installed-Size) KiB, depends on $(field "$name" Depends)"
done
for name in "$runtime" discoveryd; do
  grep -q 'libc6 (>=' <<<"$(field "$name" Depends)" || fail "$name does not say what it is linked with"
  grep -q 'libssl3 (>=' <<<"$(field "$name" Depends)" || fail "$name does not say what it loads"
  [[ $(field "$name" Depends) != *'<<'* ]] || fail "$name is bound to one version of a library, as by names that are private to it"
done
[ "$(field libdiscovery-dev Depends)" = "$runtime (= $version)" ] || fail "libdiscovery-dev does not depend on $runtime"

# What the agent is linked with: anything else here is memory of each agent.
dpkg-deb --fsys-tarfile "$(package discoveryd)" | tar -xO ./usr/bin/discoveryd >"$work/discoveryd"
foreign=$(readelf -d "$work/discoveryd" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | grep -vE '^(libc|libm|libz|ld-linux-x86-64)[.]so' || true)
[ -z "$foreign" ] || fail "discoveryd is linked with $foreign"

# --- installed ---------------------------------------------------------------------------------------------------------

prefix=/usr
if [ "$(id -u)" -eq 0 ]; then
  dpkg --install "$build/packages"/*.deb >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "they cannot be installed"; }
else
  echo "packages: not root: unpacking only"
  for deb in "$build/packages"/*.deb; do dpkg-deb -x "$deb" "$work/root"; done
  prefix=$work/root/usr
  LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name 'libdiscovery.so.*' | head -n 1)")
  export LD_LIBRARY_PATH
fi

"$prefix/bin/discoveryd" version | grep -q "$version" || fail "discoveryd version does not say $version"
cmake -G Ninja -S "$here" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$prefix" --log-level=WARNING >/dev/null
cmake --build "$work/build" --target consumer >"$work/log" 2>&1 || { cat "$work/log" >&2; fail "a program does not build with them"; }
[ "$("$work/build/consumer")" = "$version" ] || fail "a program that was built with them fails"
if [ "$prefix" = /usr ]; then
  readelf -d "$work/build/consumer" | grep -q "libdiscovery.so.${version%.*}\]" || fail "the program does not use the library"
  if readelf -d "$work/build/consumer" | grep -q RUNPATH; then fail "the program finds the library by a path of its own"; fi
fi
echo "packages: a program builds with them and runs"
[ "$(id -u)" -eq 0 ] || exit 0

# --- the daemon as its unit starts it ----------------------------------------------------------------------------------

unit=$(dpkg -L discoveryd | grep '/discoveryd.service$')
if command -v systemd-analyze >/dev/null; then systemd-analyze verify "$unit" || fail "the unit is not right"; fi
[ "$(stat -c '%U:%G %a' /var/lib/discoveryd /etc/discoveryd | tr '\n' ' ')" = 'discoveryd:discoveryd 750 root:discoveryd 750 ' ] ||
  fail "the folders are not as they should be: $(stat -c '%n %U:%G %a' /var/lib/discoveryd /etc/discoveryd)"
discoveryd validate /etc/discoveryd >/dev/null || fail "the configuration is not valid"
read -r http dns < <(python3 -c '
import socket
a, b = socket.socket(), socket.socket()
a.bind(("127.0.0.1", 0)); b.bind(("127.0.0.1", 0))
print(a.getsockname()[1], b.getsockname()[1])')
read -ra command < <(sed -n 's/^ExecStart=//p' "$unit")
setpriv --reuid discoveryd --regid discoveryd --init-groups \
  "${command[@]}" -http-port="$http" -dns-port="$dns" >"$work/daemon.log" 2>&1 &
daemon=$!
curl -sf --retry 50 --retry-delay 0 --retry-connrefused --retry-max-time 20 \
  -X PUT "http://127.0.0.1:$http/v1/kv/color" -d blue >/dev/null || { cat "$work/daemon.log" >&2; fail "the daemon does not serve"; }
[ "$(curl -sf "http://127.0.0.1:$http/v1/kv/color?raw")" = blue ] || fail "the daemon does not keep a key"
[ -f /var/lib/discoveryd/node-id ] || fail "the daemon keeps nothing below /var/lib/discoveryd"
kill "$daemon"
code=0
wait "$daemon" || code=$?
daemon=''
[ $code -eq 1 ] || fail "the daemon ended with $code" # a server that stays a member
echo "packages: the daemon runs as its own user"

# --- removed -----------------------------------------------------------------------------------------------------------

dpkg --remove discoveryd >/dev/null
[ -f /etc/discoveryd/discoveryd.hcl ] || fail "removing took the configuration, too"
dpkg --purge discoveryd libdiscovery-dev "$runtime" >/dev/null
for gone in /usr/bin/discoveryd /etc/discoveryd /var/lib/discoveryd /usr/include/discovery "$unit"; do
  [ ! -e "$gone" ] || fail "$gone is still there"
done
echo "packages: removed without a trace"
