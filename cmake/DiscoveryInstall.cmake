# Installs in three components: runtime (the shared library), dev (headers, the static library or the shared one's link
# name, the CMake package, the pkg-config file) and daemon.

include(CMakePackageConfigHelpers)

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/discovery")

install(
  TARGETS discovery
  EXPORT discoveryTargets
  ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT dev
  LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT runtime NAMELINK_COMPONENT dev)
install(
  DIRECTORY "${PROJECT_SOURCE_DIR}/include/discovery"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT dev
  FILES_MATCHING
  PATTERN "*.h")
install(EXPORT discoveryTargets NAMESPACE discovery:: DESTINATION "${package_dir}" COMPONENT dev)
if(DISCOVERY_BUILD_DAEMON)
  install(TARGETS discoveryd RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT daemon)
endif()

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/discoveryConfig.cmake.in" "${PROJECT_BINARY_DIR}/discoveryConfig.cmake"
  INSTALL_DESTINATION "${package_dir}" NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/discoveryConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(
  FILES "${PROJECT_BINARY_DIR}/discoveryConfig.cmake" "${PROJECT_BINARY_DIR}/discoveryConfigVersion.cmake"
  DESTINATION "${package_dir}"
  COMPONENT dev)
if(NOT DISCOVERY_SHARED)
  # A static library leaves its own dependencies to whoever links it.
  install(
    FILES "${PROJECT_SOURCE_DIR}/cmake/FindLevelDB.cmake" "${PROJECT_SOURCE_DIR}/cmake/FindRE2.cmake"
    DESTINATION "${package_dir}"
    COMPONENT dev)
endif()

# pkg-config knows the same dependencies by other names.
if(DISCOVERY_SHARED)
  set(pc_requires "")
  set(pc_libs "")
  set(pc_cflags "")
else()
  set(pc_requires re2 zlib)
  foreach(dependency ${DISCOVERY_DEPENDENCIES})
    if(dependency MATCHES "^absl::(.+)$")
      list(APPEND pc_requires "absl_${CMAKE_MATCH_1}")
    endif()
  endforeach()
  list(JOIN pc_requires " " pc_requires)
  set(pc_libs "-lleveldb -ldl -pthread")
  set(pc_cflags "-DDISCOVERY_STATIC")
endif()
file(RELATIVE_PATH pc_includedir "/${CMAKE_INSTALL_LIBDIR}" "/${CMAKE_INSTALL_INCLUDEDIR}")
configure_file("${PROJECT_SOURCE_DIR}/cmake/discovery.pc.in" "${PROJECT_BINARY_DIR}/discovery.pc" @ONLY)
install(
  FILES "${PROJECT_BINARY_DIR}/discovery.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
  COMPONENT dev)
