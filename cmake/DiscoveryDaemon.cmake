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
  target_link_libraries(discovery_daemon_archive PRIVATE discovery_internal)
  target_link_libraries(discovery_daemon INTERFACE discovery_daemon_archive)
endif()
target_link_libraries(discoveryd PRIVATE discovery_daemon)
