#pragma once

/// \file
/// The tables: what each holds, and how its keys are spelled. Names and ids are compared without regard to
/// case, so keys hold them in lower case; parts are set apart by a zero byte, so that a prefix of whole parts
/// finds a range. A further table is a further row here; nothing else needs to know.

#include <array>
#include <cstddef>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include <discovery/types.h>

#include "lib/model/kv_entry.h"
#include "lib/model/records.h"
#include "lib/model/session.h"
#include "lib/state/tree.h"

namespace discovery::state {

/// What all instances that spell their service the same have in common, kept so that no question has to walk
/// them.
struct ServiceSummary {
  model::Text name;
  std::size_t instances = 0;
  std::map<model::Text, std::size_t, std::less<>>
      tags;  ///< each distinct tag, and how many instances carry it
};

/// What a table holds whose keys say it all.
struct Mark {};

template <std::size_t Number, class LeafType>
struct Table {
  static constexpr std::size_t kNumber = Number;
  using Leaf = LeafType;
};

/// node
struct NodeTable : Table<0, Box<model::NodePtr>> {};
/// node's id
struct NodeIdTable : Table<1, Box<model::NodePtr>> {};
/// node, service id
struct ServiceTable : Table<2, Box<model::ServicePtr>> {};
/// service, node, service id
struct InstanceTable : Table<3, Box<model::ServicePtr>> {};
/// service, as it is spelled: instances are found without regard to case, but each spelling is listed
struct ServiceNameTable : Table<4, Box<std::shared_ptr<const ServiceSummary>>> {};
/// destination service, node, service id: who speaks for a service in the mesh
struct ConnectTable : Table<5, Box<model::ServicePtr>> {};
/// node, check id
struct CheckTable : Table<6, Box<model::CheckPtr>> {};
/// node, service id (empty for the node's own), check id
struct ServiceCheckTable : Table<7, Box<model::CheckPtr>> {};
/// state, node, check id: only the checks that are not passing, which are few
struct FailingCheckTable : Table<8, Box<model::CheckPtr>> {};
/// key
struct KvTable : Table<9, model::KvEntry> {};
/// key, or prefix, that was deleted
struct TombstoneTable : Table<10, Box<Index>> {};
/// node, segment
struct CoordinateTable : Table<11, Box<model::CoordinatePtr>> {};
/// row's name: the index at which it was last moved
struct IndexTable : Table<12, Box<Index>> {};

/// session's key, in hexadecimal digits; see session_row()
struct SessionTable : Table<13, Box<model::SessionPtr>> {};
/// node, check id, session's key: what each session lives on; the check id is empty for one without checks
struct SessionCheckTable : Table<14, Box<model::SessionPtr>> {};
/// session's key, key: what each session holds; see lock_row()
struct LockTable : Table<15, Box<Mark>> {};

inline constexpr std::size_t kTableCount = 16;

/// An editor for each table, in the order of their numbers.
using Editors =
    std::tuple<TreeEditor<NodeTable::Leaf>, TreeEditor<NodeIdTable::Leaf>, TreeEditor<ServiceTable::Leaf>,
               TreeEditor<InstanceTable::Leaf>, TreeEditor<ServiceNameTable::Leaf>,
               TreeEditor<ConnectTable::Leaf>, TreeEditor<CheckTable::Leaf>,
               TreeEditor<ServiceCheckTable::Leaf>, TreeEditor<FailingCheckTable::Leaf>,
               TreeEditor<KvTable::Leaf>, TreeEditor<TombstoneTable::Leaf>, TreeEditor<CoordinateTable::Leaf>,
               TreeEditor<IndexTable::Leaf>, TreeEditor<SessionTable::Leaf>,
               TreeEditor<SessionCheckTable::Leaf>, TreeEditor<LockTable::Leaf>>;
static_assert(std::tuple_size_v<Editors> == kTableCount);

/// ASCII letters in lower case.
std::string lower(std::string_view text);

/// A table's key from its parts, in lower case, each but the last followed by the separator. A last part of
/// "" makes the prefix of all keys that begin with the parts before it.
std::string table_key(std::initializer_list<std::string_view> parts);

/// Rows of the index table that stand for whole tables (Consul's names).
inline constexpr std::string_view kNodesRow = "nodes";
inline constexpr std::string_view kServicesRow = "services";
inline constexpr std::string_view kChecksRow = "checks";
inline constexpr std::string_view kKvRow = "kvs";
inline constexpr std::string_view kTombstonesRow = "tombstones";
/// The highest tombstone that was ever reaped (ours).
inline constexpr std::string_view kReapedRow = "tombstones-reaped";
inline constexpr std::string_view kSessionsRow = "sessions";
inline constexpr std::string_view kCoordinatesRow = "coordinates";
inline constexpr std::string_view kExtinctionRow = "service_last_extinction";
/// The row of one service.
std::string service_row(std::string_view service);

}  // namespace discovery::state
