# How the project's own code is compiled. Everything is attached to our targets; nothing is set globally, so that a host
# which adds this project as a subdirectory keeps its own flags.

include(CheckLinkerFlag)

# --- flags, as a target that our own targets link privately ----------------------------------------------------------

add_library(discovery_flags INTERFACE)
target_compile_options(
  discovery_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor
                            $<$<BOOL:${DISCOVERY_WERROR}>:-Werror>)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Wrong about strings that are built up when it optimises (GCC bugs 105651, 105329, 105762).
  target_compile_options(discovery_flags INTERFACE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()

if(DISCOVERY_SANITIZE)
  set(sanitize "-fsanitize=${DISCOVERY_SANITIZE}" -fno-sanitize-recover=all -fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    list(APPEND sanitize "-fsanitize-ignorelist=${PROJECT_SOURCE_DIR}/cmake/sanitizer_ignore.txt")
  else()
    list(APPEND sanitize -Wno-maybe-uninitialized) # the instrumentation misleads GCC's analysis
    if(DISCOVERY_SANITIZE STREQUAL "thread")
      list(APPEND sanitize -Wno-tsan) # Asio's fences, which order nothing that its locks do not
    endif()
  endif()
  target_compile_options(discovery_flags INTERFACE ${sanitize})
  target_link_options(discovery_flags INTERFACE "-fsanitize=${DISCOVERY_SANITIZE}")
endif()
if(DISCOVERY_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "DISCOVERY_FUZZ needs clang (preset fuzz)")
  endif()
  target_compile_options(discovery_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(DISCOVERY_COVERAGE)
  target_compile_options(discovery_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(discovery_flags INTERFACE --coverage)
endif()
# Bounds and iterator checks of the standard library wherever a build is meant to find bugs.
target_compile_definitions(discovery_flags INTERFACE $<$<NOT:$<CONFIG:Release,MinSizeRel>>:_GLIBCXX_ASSERTIONS>)

# A fast linker, where there is one. Only for our own builds: a host decides for itself.
if(PROJECT_IS_TOP_LEVEL)
  foreach(linker mold lld)
    check_linker_flag(CXX "-fuse-ld=${linker}" DISCOVERY_HAVE_${linker})
    if(DISCOVERY_HAVE_${linker})
      target_link_options(discovery_flags INTERFACE "-fuse-ld=${linker}")
      break()
    endif()
  endforeach()
  target_link_options(discovery_flags INTERFACE -Wl,--as-needed)

  find_program(DISCOVERY_CCACHE ccache)
  if(DISCOVERY_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${DISCOVERY_CCACHE}")
  endif()
endif()

# --- functions for our targets ---------------------------------------------------------------------------------------

# Applies the house's rules to a target of ours: language, visibility, warnings, sanitizers, include root.
function(discovery_own_code target)
  set_target_properties(
    ${target}
    PROPERTIES CXX_STANDARD 20
               CXX_STANDARD_REQUIRED ON
               CXX_EXTENSIONS OFF
               CXX_VISIBILITY_PRESET hidden
               VISIBILITY_INLINES_HIDDEN ON
               POSITION_INDEPENDENT_CODE ON
               INTERPROCEDURAL_OPTIMIZATION ${DISCOVERY_LTO})
  target_include_directories(${target} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/include")
  target_compile_definitions(${target} PRIVATE ${DISCOVERY_THIRD_PARTY_DEFINITIONS})
  target_link_libraries(${target} PRIVATE discovery_flags)
endfunction()

# Precompiles cmake/pch_<kind>.h for the target. ccache works with it: see the sloppiness in CMakePresets.json.
function(discovery_precompile target kind)
  if(DISCOVERY_PCH)
    target_precompile_headers(${target} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/pch_${kind}.h")
    if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
      # clang writes the header's time into the file, which would make each one new to ccache.
      target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
    endif()
  endif()
endfunction()
