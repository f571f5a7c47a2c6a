# Third parties, all from Debian 12 (docs/decisions.md says what each is for). They are private to the library: no public
# header includes one, except discovery/asio.h, which a host opts into.

find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED) # its headers; tests link it, the library loads it when it is needed (lib/tls/openssl.h)
find_package(ZLIB REQUIRED)
find_package(absl REQUIRED)
find_package(LevelDB REQUIRED)
find_package(RE2 REQUIRED)

# Header-only: they lie in the compiler's own search path, so it is enough to see that they are there.
foreach(header asio.hpp rapidjson/document.h msgpack.hpp boost/beast/http/basic_parser.hpp)
  string(MAKE_C_IDENTIFIER "DISCOVERY_HEADER_${header}" found)
  find_path(${found} ${header})
  mark_as_advanced(${found})
  if(NOT ${found})
    message(FATAL_ERROR "<${header}> is missing; scripts/setup installs what the build needs")
  endif()
endforeach()

set(DISCOVERY_THIRD_PARTY_DEFINITIONS ASIO_STANDALONE ASIO_NO_DEPRECATED)

# The linker drops what is not used (--as-needed), so this may name more than today's code needs.
set(DISCOVERY_DEPENDENCIES
    absl::any_invocable
    absl::btree
    absl::fixed_array
    absl::flat_hash_map
    absl::flat_hash_set
    absl::hash
    absl::inlined_vector
    absl::node_hash_map
    absl::span
    absl::str_format
    absl::strings
    absl::synchronization
    absl::time
    LevelDB::LevelDB
    RE2::RE2
    ZLIB::ZLIB
    ${CMAKE_DL_LIBS}
    Threads::Threads)

# cpp-httplib: a blocking client and server, for examples and tests only. Debian compiles it, and its
# definitions belong to the ABI, hence pkg-config.
if(DISCOVERY_BUILD_TESTS OR DISCOVERY_BUILD_EXAMPLES)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
endif()
