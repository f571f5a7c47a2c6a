#pragma once

#include "lib/codec/describe.h"
#include "lib/model/local_agent.h"

namespace discovery::model {

/// A member of the gossip pool, as agents show it
/// (https://developer.hashicorp.com/consul/api-docs/agent#list-members).
template <class Archive, codec::Described<Member> R>
void describe(Archive& archive, R& member) {
  archive.field("Name", member.name);
  archive.field("Addr", member.address);
  archive.field("Port", member.port);
  archive.field("Tags", member.tags);
  archive.field("Status", member.status);
  archive.field("ProtocolMin", member.protocol_min);
  archive.field("ProtocolMax", member.protocol_max);
  archive.field("ProtocolCur", member.protocol_current);
  archive.field("DelegateMin", member.delegate_min);
  archive.field("DelegateMax", member.delegate_max);
  archive.field("DelegateCur", member.delegate_current);
}

}  // namespace discovery::model
