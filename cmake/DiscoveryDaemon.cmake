# discoveryd: everything but main() lies in a library of its own, so that tests can call it.

file(GLOB_RECURSE daemon_sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/daemon/*.cc" "${PROJECT_SOURCE_DIR}/daemon/*.h")
list(REMOVE_ITEM daemon_sources "${PROJECT_SOURCE_DIR}/daemon/main.cc")

add_executable(discoveryd "${PROJECT_SOURCE_DIR}/daemon/main.cc")
discovery_own_code(discoveryd)
set_target_properties(discoveryd PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")

add_library(discovery_daemon INTERFACE)
target_link_libraries(discovery_daemon INTERFACE discovery_internal)
if(daemon_sources MATCHES "\\.cc")
  add_library(discovery_daemon_archive STATIC ${daemon_sources})
  discovery_own_code(discovery_daemon_archive)
  target_compile_options(discovery_daemon_archive PRIVATE $<$<CONFIG:Release>:-Os>) # no request waits for it
  target_link_libraries(discovery_daemon_archive PRIVATE discovery_internal)
  target_link_libraries(discovery_daemon INTERFACE discovery_daemon_archive)
endif()
target_link_options(discoveryd PRIVATE $<$<CONFIG:Release>:-Wl,--gc-sections>)

# The shared libstdc++ alone takes 1.4 MB of an agent's memory, and binding its names much of the agent's start; a static one
# brings what is used of it. The shared RE2 and Abseil would bring the shared one along. Of libm, libstdc++ uses
# two small functions. They stand before the shared ones on the linker's command line, so that those are not needed.
if(DISCOVERY_STATIC_RUNTIME AND CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT DISCOVERY_SANITIZE AND NOT DISCOVERY_COVERAGE)
  set(static_runtime "")
  foreach(library re2 absl_hash absl_city absl_low_level_hash absl_raw_hash_set absl_raw_logging_internal absl_throw_delegate m)
    find_library(DISCOVERY_STATIC_${library} "lib${library}.a")
    mark_as_advanced(DISCOVERY_STATIC_${library})
    list(APPEND static_runtime "${DISCOVERY_STATIC_${library}}")
  endforeach()
  if(static_runtime MATCHES "NOTFOUND")
    message(STATUS "discoveryd is linked with the shared libstdc++: ${static_runtime}")
  else()
    target_link_libraries(discoveryd PRIVATE discovery_daemon_archive discovery_archive ${static_runtime})
    target_link_options(discoveryd PRIVATE -static-libstdc++ -static-libgcc)
  endif()
endif()
target_link_libraries(discoveryd PRIVATE discovery_daemon)
