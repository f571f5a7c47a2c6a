#include "lib/agent/definition_store.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <openssl/sha.h>

#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"
#include "lib/model/describe_check_spec.h"
#include "lib/model/describe_records.h"

namespace discovery::agent {

namespace {

constexpr const char* kServices = "/services";
constexpr const char* kChecks = "/checks";
constexpr const char* kStates = "/checks/state";
/// What ends the name of a file that made no sense.
constexpr std::string_view kAside = ".unreadable";

/// \name The files' contents, in Consul's names
/// @{
struct ServiceFile {
  std::string token;
  model::ServiceInstance service;
  std::string source = "remote";
};

template <class Archive, codec::Described<ServiceFile> R>
void describe(Archive& archive, R& file) {
  archive.field("Token", file.token);
  archive.field("Service", file.service);
  archive.field("Source", file.source);
}

struct CheckType {
  model::CheckSpec spec;
};

template <class Archive, codec::Described<CheckType> R>
void describe(Archive& archive, R& type) {
  archive.field("CheckID", type.spec.id);
  model::describe_check(archive, type.spec, type.spec.args);
}

struct CheckFile {
  model::HealthCheck check;
  std::optional<CheckType> type;
  std::string token;
  std::string source = "remote";
};

template <class Archive, codec::Described<CheckFile> R>
void describe(Archive& archive, R& file) {
  archive.field("Check", file.check);
  archive.field("ChkType", file.type);
  archive.field("Token", file.token);
  archive.field("Source", file.source);
}

struct StateFile {
  std::string check_id;
  std::string output;
  std::string status;
  std::int64_t expires = 0;  // seconds of Unix
};

template <class Archive, codec::Described<StateFile> R>
void describe(Archive& archive, R& file) {
  archive.field("CheckID", file.check_id);
  archive.field("Output", file.output);
  archive.field("Status", file.status);
  archive.field("Expires", file.expires);
}
/// @}

constexpr codec::JsonReadOptions kRead{.ignore_unknown_fields = true, .allow_trailing_data = false};

Status incomplete() { return invalid_argument("it names neither an id nor what it is of"); }

Status parse(const std::string& text, StoredService& stored) {
  ServiceFile file;
  if (Status status = codec::from_json(text, file, kRead); !status.ok()) return status;
  if (file.service.id.empty() || file.service.name.empty()) return incomplete();
  stored = {std::move(file.service), std::move(file.token)};
  return {};
}

Status parse(const std::string& text, StoredCheck& stored) {
  CheckFile file;
  if (Status status = codec::from_json(text, file, kRead); !status.ok()) return status;
  if (file.check.check_id.empty()) return incomplete();
  stored.record = std::move(file.check);
  stored.token = std::move(file.token);
  stored.spec.reset();
  if (file.type) stored.spec = std::move(file.type->spec);
  return {};
}

Status parse(const std::string& text, StoredState& stored) {
  StateFile file;
  if (Status status = codec::from_json(text, file, kRead); !status.ok()) return status;
  if (file.check_id.empty()) return incomplete();
  stored = {std::move(file.check_id), std::move(file.status), std::move(file.output),
            std::chrono::system_clock::time_point(std::chrono::seconds(file.expires))};
  return {};
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kHex[byte >> 4];
    hex += kHex[byte & 0xF];
  }
  return hex;
}

}  // namespace

DefinitionStore::DefinitionStore(env::Env& env, const std::string& data_dir)
    : env_(env), data_dir_(data_dir), workers_(env.make_workers(1)) {}

DefinitionStore::~DefinitionStore() {
  workers_.reset();  // waits for what has begun; the rest is done here
  Batch rest;
  for (auto& write : waiting_) rest.writes.push_back(std::move(write));
  if (batch_ && !batch_->done) carry_out(env_.files(), *batch_);
  carry_out(env_.files(), rest);
  std::vector<Flushed> flushed = std::move(flushed_);
  if (batch_) std::move(batch_->flushed.begin(), batch_->flushed.end(), std::back_inserter(flushed));
  if (batch_ && !batch_->failures.empty()) rest.failures.push_back(batch_->failures.front());
  const Status status = rest.failures.empty() ? Status() : rest.failures.front();
  for (auto& done : flushed) done(status);
}

std::string DefinitionStore::path_of(const char* directory, std::string_view id) const {
  return data_dir_ + directory + "/" + sha256_hex(id);
}

template <class Kept>
Status DefinitionStore::load_directory(const char* directory, std::vector<Kept>& kept,
                                       std::vector<std::string>& problems) {
  const std::string folder = data_dir_ + directory;
  if (Status made = env_.files().make_directory(folder); !made.ok()) return made;
  const auto names = env_.files().list(folder);
  if (!names.ok()) return names.status();
  for (const auto& name : *names) {
    if (std::string_view(name).ends_with(kAside)) continue;
    const std::string path = folder + "/" + name;
    const auto text = env_.files().read(path, kMaxFile);
    if (!text.ok()) {
      problems.push_back("cannot restore " + path + ": " + std::string(text.status().message()));
      continue;
    }
    Kept one;
    if (const Status parsed = parse(*text, one); !parsed.ok()) {
      put_aside(path, *text, parsed, problems);
      continue;
    }
    present_.insert(path);
    kept.push_back(std::move(one));
  }
  return {};
}

void DefinitionStore::put_aside(const std::string& path, const std::string& content, const Status& why,
                                std::vector<std::string>& problems) {
  const std::string aside = path + std::string(kAside);
  std::string problem = "cannot restore " + path + ": " + std::string(why.message());
  if (env_.files().replace(aside, content).ok() && env_.files().remove(path).ok()) {
    problem += "; it is now " + aside;
  }
  problems.push_back(std::move(problem));
}

Result<DefinitionStore::Content> DefinitionStore::load() {
  Content content;
  Status status = load_directory(kServices, content.services, content.problems);
  if (status.ok()) status = load_directory(kChecks, content.checks, content.problems);
  if (status.ok()) status = load_directory(kStates, content.states, content.problems);
  if (!status.ok()) return status;
  return content;
}

void DefinitionStore::put(const StoredService& service) {
  ServiceFile file{service.token, service.service};
  enqueue(path_of(kServices, service.service.id), codec::to_json(file));
}

void DefinitionStore::put(const StoredCheck& check) {
  CheckFile file{check.record, std::nullopt, check.token};
  if (check.spec) file.type = CheckType{*check.spec};
  enqueue(path_of(kChecks, check.record.check_id), codec::to_json(file));
}

void DefinitionStore::put(const StoredState& state) {
  const auto expires = std::chrono::floor<std::chrono::seconds>(state.expires.time_since_epoch());
  const StateFile file{state.check_id, state.output, state.status, expires.count()};
  const std::string path = path_of(kStates, state.check_id);
  // States come often and their order does not matter: one that waits is brought up to date.
  if (const auto earlier = index_.find(path); earlier != index_.end()) {
    Write& write = waiting_[earlier->second];
    if (write.content) {
      write.content = codec::to_json(file);
      return;
    }
  }
  enqueue(path, codec::to_json(file));
}

void DefinitionStore::erase_service(std::string_view id) { enqueue(path_of(kServices, id), std::nullopt); }

void DefinitionStore::erase_check(std::string_view id) {
  enqueue(path_of(kChecks, id), std::nullopt);
  enqueue(path_of(kStates, id), std::nullopt);
}

void DefinitionStore::enqueue(std::string path, std::optional<std::string> content) {
  if (content) {
    present_.insert(path);
  } else if (present_.erase(path) == 0) {
    return;
  }
  // An earlier write of this file that has not begun is not done at all; the new one goes to the end, so
  // that the order among files stays as it was asked for.
  if (const auto earlier = index_.find(path); earlier != index_.end()) waiting_[earlier->second].path.clear();
  index_[path] = waiting_.size();
  waiting_.push_back({std::move(path), std::move(content)});
  start_batch();
}

void DefinitionStore::flush(Flushed done) {
  if (idle()) return done({});
  if (waiting_.empty()) {
    batch_->flushed.push_back(std::move(done));
  } else {
    flushed_.push_back(std::move(done));
  }
}

void DefinitionStore::start_batch() {
  if (batch_) return;
  // Later than this turn, so that what is asked for together is written together.
  batch_ = std::make_shared<Batch>();
  batch_->done = true;
  finish_later();
}

void DefinitionStore::finish_later() {
  env_.post([this, batch = std::weak_ptr(batch_)] {
    if (!batch.expired()) finish_batch();
  });
}

void DefinitionStore::finish_batch() {
  const auto ended = std::move(batch_);
  batch_.reset();
  for (const Status& failure : ended->failures) {
    env_.log().write(Level::kError, "agent", "cannot keep what was registered: " + failure.to_string());
  }
  if (!waiting_.empty()) {
    batch_ = std::make_shared<Batch>();
    for (auto& write : std::exchange(waiting_, {})) {
      if (!write.path.empty()) batch_->writes.push_back(std::move(write));
    }
    index_.clear();
    batch_->flushed = std::exchange(flushed_, {});
    const Status begun = workers_->run([&files = env_.files(), batch = batch_] { carry_out(files, *batch); },
                                       [this] { finish_batch(); });
    if (!begun.ok()) {  // no thread to be had: then here
      carry_out(env_.files(), *batch_);
      finish_later();
    }
  }
  const Status status = ended->failures.empty() ? Status() : ended->failures.front();
  for (auto& done : ended->flushed) done(status);  // the last thing here: they may ask for more
}

void DefinitionStore::carry_out(env::Files& files, Batch& batch) {
  for (const Write& write : batch.writes) {
    if (write.path.empty()) continue;
    Status status = write.content ? files.replace(write.path, *write.content) : files.remove(write.path);
    if (!write.content && status.code() == Code::kNotFound) status = {};
    if (!status.ok()) batch.failures.push_back(std::move(status));
  }
  batch.done = true;
}

}  // namespace discovery::agent
