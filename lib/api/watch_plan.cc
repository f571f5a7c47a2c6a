#include "lib/api/watch_plan.h"

#include <algorithm>
#include <string_view>

#include "lib/base/duration.h"
#include "lib/base/percent.h"
#include "lib/base/strings.h"

namespace discovery::api {
namespace {

using hcl::Value;

/// The reader of one watch. Every key that is asked for counts as known.
class Reader {
 public:
  explicit Reader(const Value& value) : value_(value) {}

  Status read(WatchPlan& plan, bool has_handler) {
    plan.type = text("type");
    plan.token = text("token");
    const std::string datacenter = text("datacenter");
    const bool stale = flag("stale");
    if (has_handler) {
      if (Status status = read_handler(plan.handler); !status.ok()) return status;
    }
    if (Status status = read_target(plan); !status.ok()) return status;
    if (problem_.ok()) problem_ = refuse_others();
    plan.target += plan.target.find('?') == std::string::npos ? "?" : "&";
    if (!datacenter.empty()) plan.target += "dc=" + base::percent_encode(datacenter) + "&";
    if (stale) plan.target += "stale&";
    return problem_;
  }

 private:
  const Value* find(const char* key) {
    known_.emplace_back(key);
    const Value* const found = value_.find(key);
    return found == nullptr || found->is_null() ? nullptr : found;
  }

  std::string text(const char* key) { return text_in(find(key), key); }

  std::string text_in(const Value* found, const std::string& key) {
    if (found == nullptr) return {};
    if (const std::string* string = found->as_string()) return *string;
    problem_ = invalid_argument("Expecting " + key + " to be a string");
    return {};
  }

  bool flag(const char* key) {
    const Value* const found = find(key);
    if (found == nullptr) return false;
    if (const bool* data = found->as_bool()) return *data;
    problem_ = invalid_argument("Expecting " + std::string(key) + " to be a boolean");
    return false;
  }

  /// A list of texts, or one.
  std::vector<std::string> texts(const Value* found, const std::string& key) {
    std::vector<std::string> out;
    if (found == nullptr) return out;
    if (const Value::List* list = found->as_list()) {
      for (const Value& item : *list) out.push_back(text_in(&item, key));
    } else {
      out.push_back(text_in(found, key));
    }
    return out;
  }

  Status read_handler(WatchHandler& handler) {
    const std::string type = text("handler_type");
    const std::string command = text("handler");
    handler.args = texts(find("args"), "args");
    const Value* const http = find("http_handler_config");
    if (!type.empty() && type != "script" && type != "http") {
      return invalid_argument("Handler type '" + type + "' not recognized");
    }
    const int handlers =
        (command.empty() ? 0 : 1) + (handler.args.empty() ? 0 : 1) + (http == nullptr ? 0 : 1);
    if (handlers > 1) return invalid_argument("Only one watch handler allowed");
    if (handlers == 0 || (type == "http") != (http != nullptr)) {
      return invalid_argument("Must define a watch handler");
    }
    if (!command.empty()) handler.args = {"/bin/sh", "-c", command};
    return http == nullptr ? Status() : read_http(*http, handler);
  }

  Status read_http(const Value& config, WatchHandler& handler) {
    const Value* const object =
        config.as_list() != nullptr && config.as_list()->size() == 1 ? &config.as_list()->front() : &config;
    const std::string method = text_in(object->find("method"), "method");
    if (!method.empty()) handler.hook.method = method;
    if (const std::string timeout = text_in(object->find("timeout"), "timeout"); !timeout.empty()) {
      const auto parsed = base::parse_go_duration(timeout);
      if (!parsed.ok()) {
        return invalid_argument("Failed to parse handler_config timeout: " +
                                std::string(parsed.status().message()));
      }
      handler.hook.timeout = *parsed;
    }
    if (const Value* header = object->find("header"); header != nullptr && header->as_object() != nullptr) {
      for (const hcl::Member& member : *header->as_object()) {
        for (std::string& value : texts(&member.value, "header")) {
          handler.hook.headers.emplace_back(member.key, std::move(value));
        }
      }
    }
    if (const Value* const skip = object->find("tls_skip_verify"); skip != nullptr) {
      if (skip->as_bool() == nullptr) return invalid_argument("Expecting tls_skip_verify to be a boolean");
      handler.hook.tls_skip_verify = *skip->as_bool();
    }
    return read_url(text_in(object->find("path"), "path"), handler.hook);
  }

  static Status read_url(const std::string& text, WebHookTarget& hook) {
    if (text.empty()) return invalid_argument("Requires 'path' to be set");
    auto url = health::parse_url(text);
    // Why it is none may show a password.
    if (!url.ok()) return invalid_argument("'path' must be a URL of http or https");
    hook.url = *std::move(url);
    return {};
  }

  /// The one parameter that a type must have.
  Result<std::string> required(const char* key, const char* what) {
    std::string found = text(key);
    if (found.empty()) return invalid_argument("Must specify a single " + std::string(what) + " to watch");
    return found;
  }

  void add_filter(WatchPlan& plan) {
    const std::string filter = text("filter");
    if (filter.empty()) return;
    plan.target += plan.target.find('?') == std::string::npos ? "?" : "&";
    plan.target += "filter=" + base::percent_encode(filter);
  }

  Status read_target(WatchPlan& plan) {
    const auto set = [&plan](Result<std::string> name, const std::string& before, const std::string& after) {
      if (name.ok()) plan.target = before + base::percent_encode(*name, "/") + after;
      return name.status();
    };
    if (plan.type == "key") {
      plan.one_entry = true;
      return set(required("key", "key"), "/v1/kv/", "");
    }
    if (plan.type == "keyprefix") return set(required("prefix", "prefix"), "/v1/kv/", "?recurse");
    if (plan.type == "agent_service") {
      plan.by_hash = true;
      return set(required("service_id", "service_id"), "/v1/agent/service/", "");
    }
    if (plan.type == "service") {
      if (Status status = set(required("service", "service"), "/v1/health/service/", "?"); !status.ok())
        return status;
      for (const std::string& tag : texts(find("tag"), "tag"))
        plan.target += "tag=" + base::percent_encode(tag) + "&";
      if (flag("passingonly")) plan.target += "passing=1&";
      plan.target.pop_back();
    } else if (plan.type == "checks") {
      if (Status status = read_checks(plan); !status.ok()) return status;
    } else if (plan.type == "event") {
      plan.by_event = true;
      plan.event = text("name");
      plan.target = "/v1/event/list";
      if (!plan.event.empty()) plan.target += "?name=" + base::percent_encode(plan.event);
      return {};
    } else if (plan.type == "services" || plan.type == "nodes") {
      plan.target = "/v1/catalog/" + plan.type;
    } else if (plan.type == "connect_roots") {
      plan.is_later = true;
      plan.target = "/v1/agent/connect/ca/roots";
    } else if (plan.type == "connect_leaf") {
      plan.is_later = true;
      return set(required("service", "service"), "/v1/agent/connect/ca/leaf/", "");
    } else if (plan.type.empty()) {
      return invalid_argument("Watch type must be specified");
    } else {
      return invalid_argument("Unsupported watch type: " + plan.type);
    }
    add_filter(plan);
    return {};
  }

  Status read_checks(WatchPlan& plan) {
    const std::string service = text("service");
    const std::string state = text("state");
    if (!service.empty() && !state.empty()) return invalid_argument("Cannot specify service and state");
    plan.target = service.empty() ? "/v1/health/state/" + base::percent_encode(state.empty() ? "any" : state)
                                  : "/v1/health/checks/" + base::percent_encode(service, "/");
    return {};
  }

  Status refuse_others() const {
    std::string others;
    for (const hcl::Member& member : *value_.as_object()) {
      if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
      others += (others.empty() ? "" : " ") + member.key;
    }
    return others.empty() ? Status() : invalid_argument("Invalid parameters: [" + others + "]");
  }

  const Value& value_;
  std::vector<std::string> known_;
  Status problem_;
};

}  // namespace

Result<WatchPlans> read_watches(const agent::Config& config) {
  WatchPlans out;
  for (const agent::Definition& watch : config.watches) {
    WatchPlan plan;
    plan.where = watch.where;
    if (Status status = Reader(watch.value).read(plan, true); !status.ok()) {
      return invalid_argument("Failed to parse watch (" + watch.where +
                              "): " + std::string(status.message()));
    }
    if (plan.is_later) {
      out.warnings.push_back("the watch of type " + plan.type + " (" + watch.where + ") has no effect yet");
    } else {
      out.plans.push_back(std::move(plan));
    }
  }
  return out;
}

Result<WatchPlan> read_question(const hcl::Value& parameters) {
  WatchPlan plan;
  if (Status status = Reader(parameters).read(plan, false); !status.ok()) return status;
  return plan;
}

}  // namespace discovery::api
