#pragma once

/// \file
/// The commands, one file per family; the table in cli.cc names them.

#include "daemon/cli/command.h"

namespace discovery::cli {

// catalog.cc
std::unique_ptr<Command> make_catalog_datacenters();
std::unique_ptr<Command> make_catalog_nodes();
std::unique_ptr<Command> make_catalog_services();

// kv.cc
std::unique_ptr<Command> make_kv_delete();
std::unique_ptr<Command> make_kv_get();
std::unique_ptr<Command> make_kv_put();

// services.cc
std::unique_ptr<Command> make_services_deregister();
std::unique_ptr<Command> make_services_register();

// version.cc
std::unique_ptr<Command> make_version();

}  // namespace discovery::cli
