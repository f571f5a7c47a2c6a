# Debian packages, by `cpack` in a build of preset "package": the library, what compiling with it needs, and the daemon
# with its unit, user and configuration. One for each component of cmake/DiscoveryInstall.cmake.

if(NOT DISCOVERY_SHARED OR NOT DISCOVERY_INSTALL OR NOT DISCOVERY_BUILD_DAEMON)
  message(FATAL_ERROR "DISCOVERY_PACKAGES needs the shared library, the rules for installing, and the daemon (preset package)")
endif()

set(packaging "${PROJECT_SOURCE_DIR}/packaging")
set(runtime_package "libdiscovery${discovery_abi}")

# --- what only a system's package installs ----------------------------------------------------------------------------

install(FILES "${packaging}/discoveryd.service" DESTINATION lib/systemd/system COMPONENT daemon)
install(FILES "${packaging}/discoveryd.hcl" DESTINATION /etc/discoveryd COMPONENT daemon)
foreach(part "runtime ${runtime_package}" "dev libdiscovery-dev" "daemon discoveryd")
  separate_arguments(part)
  list(GET part 0 component)
  list(GET part 1 package)
  install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION share/doc/${package} RENAME copyright COMPONENT ${component})
endforeach()

# --- the packages -----------------------------------------------------------------------------------------------------

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME discovery)
set(CPACK_PACKAGE_CONTACT "The libdiscovery developers <libdiscovery@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
set(CPACK_COMPONENTS_ALL runtime dev daemon)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# Programs that are packaged with this library depend on it, and on a new one of the same ABI just as well.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")

# What is loaded when it is needed, which the dependencies of shared libraries do not show.
set(loaded_libraries "libssl3 (>= 3.0.0)")

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME "${runtime_package}")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "${loaded_libraries}")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION
    "embeddable service discovery (shared library)\n Registry with health checks and instant watches, key/value store, balancing,
 for any C++ program; embedded, or against a discoveryd or Consul.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME libdiscovery-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${runtime_package} (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_DEV_DESCRIPTION
    "embeddable service discovery (development files)\n Headers, CMake package and pkg-config file of libdiscovery.")

set(CPACK_DEBIAN_DAEMON_PACKAGE_NAME discoveryd)
set(CPACK_DEBIAN_DAEMON_PACKAGE_SECTION net)
set(CPACK_DEBIAN_DAEMON_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_DAEMON_PACKAGE_DEPENDS "adduser, ${loaded_libraries}")
set(CPACK_DEBIAN_DAEMON_PACKAGE_CONTROL_EXTRA "${packaging}/postinst;${packaging}/prerm;${packaging}/postrm;${packaging}/conffiles")
set(CPACK_COMPONENT_DAEMON_DESCRIPTION
    "service discovery agent that speaks Consul's HTTP API and DNS\n A server for existing Consul clients, and for programs that use libdiscovery.")

include(CPack)
