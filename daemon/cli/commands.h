#pragma once

/// \file
/// The commands, one file per family; the table in cli.cc names them.

#include "daemon/cli/command.h"

namespace discovery::cli {

// agent.cc
std::unique_ptr<Command> make_force_leave();
std::unique_ptr<Command> make_info();
std::unique_ptr<Command> make_join();
std::unique_ptr<Command> make_leave();
std::unique_ptr<Command> make_reload();

// catalog.cc
std::unique_ptr<Command> make_catalog_datacenters();
std::unique_ptr<Command> make_catalog_nodes();
std::unique_ptr<Command> make_catalog_services();

// event.cc
std::unique_ptr<Command> make_event();

// kv.cc
std::unique_ptr<Command> make_kv_delete();
std::unique_ptr<Command> make_kv_get();
std::unique_ptr<Command> make_kv_put();

// kv_transfer.cc
std::unique_ptr<Command> make_kv_export();
std::unique_ptr<Command> make_kv_import();

// lock.cc
std::unique_ptr<Command> make_lock();

// maint.cc
std::unique_ptr<Command> make_maint();

// members.cc
std::unique_ptr<Command> make_members();

// monitor.cc
std::unique_ptr<Command> make_monitor();

// services.cc
std::unique_ptr<Command> make_services_deregister();
std::unique_ptr<Command> make_services_register();

// session.cc
std::unique_ptr<Command> make_session_create();
std::unique_ptr<Command> make_session_destroy();
std::unique_ptr<Command> make_session_info();
std::unique_ptr<Command> make_session_list();
std::unique_ptr<Command> make_session_renew();

// validate.cc
std::unique_ptr<Command> make_validate();

// version.cc
std::unique_ptr<Command> make_version();

// watch.cc
std::unique_ptr<Command> make_watch();

}  // namespace discovery::cli
