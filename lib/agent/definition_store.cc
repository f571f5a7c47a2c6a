#include "lib/agent/definition_store.h"

#include <algorithm>
#include <array>
#include <utility>

#include "lib/base/digest.h"

namespace discovery::agent {

namespace {

/// What ends the name of a file that made no sense.
constexpr std::string_view kAside = ".unreadable";

/// \name What changes have in common if one depends on the other
/// @{
std::string service_key(std::string_view id) { return "service " + std::string(id); }
std::string check_key(std::string_view id) { return "check " + std::string(id); }
/// @}

}  // namespace

DefinitionStore::DefinitionStore(env::Env& env, const std::string& data_dir,
                                 UniqueFunction<void(Reverted)> reverted)
    : env_(env),
      data_dir_(data_dir),
      reverted_(std::move(reverted)),
      open_(std::make_unique<Change>()),
      repair_timer_(env.make_timer()),
      workers_(env.make_workers(1)) {}

DefinitionStore::~DefinitionStore() {
  workers_.reset();  // waits for what has begun; the rest is done here
  if (!open_->writes.empty()) waiting_.push_back(std::move(open_));
  Batch rest;
  if (batch_ && !batch_->done) carry_out(env_.files(), *batch_);
  if (batch_) rest.failed = batch_->failed;
  rest.changes = std::move(waiting_);
  carry_out(env_.files(), rest);
  for (Batch* const batch : {batch_.get(), &rest}) {
    if (batch == nullptr) continue;
    for (const auto& change : batch->changes) {
      for (auto& done : change->done) done(change->status);
    }
  }
}

std::string DefinitionStore::path_of(Kind kind, std::string_view id) const {
  constexpr const char* kDirectories[] = {"/services/", "/checks/", "/checks/state/"};
  const std::string folder = data_dir_ + kDirectories[static_cast<std::size_t>(kind)];
  return id.empty() ? folder.substr(0, folder.size() - 1) : folder + base::sha256_hex(id);
}

template <class Kept>
Status DefinitionStore::load_directory(Kind kind, std::vector<Kept>& kept,
                                       std::vector<std::string>& problems) {
  const std::string folder = path_of(kind, {});
  if (Status made = env_.files().make_directory(folder); !made.ok()) return made;
  if (Status swept = env_.files().remove_leftovers(folder); !swept.ok()) return swept;
  const auto names = env_.files().list(folder);
  if (!names.ok()) return names.status();
  for (const auto& name : *names) {
    if (std::string_view(name).ends_with(kAside)) continue;
    const std::string path = folder + "/" + name;
    const auto text = env_.files().read(path, kMaxFile);
    if (!text.ok() && text.status().code() != Code::kResourceExhausted) {
      // Perhaps the disk or somebody mends it before the next start: it stays where it is.
      present_.insert(path);
      problems.push_back("cannot restore " + path + ": " + std::string(text.status().message()));
      continue;
    }
    Kept one;
    const Status parsed = text.ok() ? parse(*text, one) : text.status();
    if (!parsed.ok()) {
      problems.push_back(put_aside(path, parsed));
      continue;
    }
    present_.insert(path);
    kept.push_back(std::move(one));
  }
  return {};
}

std::string DefinitionStore::put_aside(const std::string& path, const Status& why) {
  const std::string aside = path + std::string(kAside);
  std::string problem = "cannot restore " + path + ": " + std::string(why.message());
  if (env_.files().rename(path, aside).ok()) problem += "; it is now " + aside;
  return problem;
}

Result<DefinitionStore::Content> DefinitionStore::load() {
  Content content;
  Status status = load_directory(Kind::kService, content.services, content.problems);
  if (status.ok()) status = load_directory(Kind::kCheck, content.checks, content.problems);
  if (status.ok()) status = load_directory(Kind::kState, content.states, content.problems);
  if (!status.ok()) return status;
  return content;
}

void DefinitionStore::put(const StoredService& service) {
  open_->concerns.insert(service_key(service.service.id));
  add(Kind::kService, service.service.id, to_json(service));
}

void DefinitionStore::put(const StoredCheck& check) {
  open_->concerns.insert(check_key(check.record.check_id));
  if (!check.record.service_id.empty()) open_->concerns.insert(service_key(check.record.service_id));
  add(Kind::kCheck, check.record.check_id, to_json(check));
}

void DefinitionStore::erase_service(std::string_view id) {
  open_->concerns.insert(service_key(id));
  add(Kind::kService, id, std::nullopt);
}

void DefinitionStore::erase_check(std::string_view id, std::string_view service_id) {
  open_->concerns.insert(check_key(id));
  if (!service_id.empty()) open_->concerns.insert(service_key(service_id));
  add(Kind::kCheck, id, std::nullopt);
  add(Kind::kState, id, std::nullopt);
}

void DefinitionStore::erase_state(std::string_view check_id) {
  open_->concerns.insert(check_key(check_id));
  add(Kind::kState, check_id, std::nullopt);
}

void DefinitionStore::relate(std::string_view service_id) {
  if (!service_id.empty()) open_->concerns.insert(service_key(service_id));
}

void DefinitionStore::add(Kind kind, std::string_view id, std::optional<std::string> content) {
  std::string path = path_of(kind, id);
  bool existed = present_.contains(path);
  std::optional<std::optional<std::string>> intended;
  auto& writes = open_->writes;
  const auto earlier =
      std::find_if(writes.begin(), writes.end(), [&](const Write& one) { return one.path == path; });
  if (earlier != writes.end()) {
    existed = earlier->existed;
    intended = std::move(earlier->intended);
    writes.erase(earlier);
  }
  Write write{kind, std::string(id), path, std::move(content), existed, std::move(intended)};
  if (auto repair = repairs_.extract(path); !repair.empty()) write.intended = repair.mapped().content;
  if (write.content) {
    present_.insert(std::move(path));
  } else {
    present_.erase(path);
    if (!existed && !write.intended) return;
  }
  writes.push_back(std::move(write));
}

void DefinitionStore::commit(Committed done) {
  if (open_->writes.empty()) {
    open_->concerns.clear();
    if (!done) return;
    if (!repairs_.empty()) {  // whoever asks for the same again hears how these end
      open_->nature = Nature::kRepair;
      take_repairs(*open_);
    } else if (idle()) {
      return done({});
    }
  }
  auto change = std::exchange(open_, std::make_unique<Change>());
  if (done) change->done.push_back(std::move(done));
  enqueue(std::move(change));
}

void DefinitionStore::keep(const StoredState& state, Committed done) {
  std::string path = path_of(Kind::kState, state.check_id);
  // States come often and their order does not matter: one that waits is brought up to date.
  Change*& waits = waiting_states_[path];
  if (waits != nullptr) {
    waits->writes.front().content = to_json(state);
    if (done) waits->done.push_back(std::move(done));
    return;
  }
  auto change = std::make_unique<Change>();
  change->nature = Nature::kState;
  change->concerns.insert(check_key(state.check_id));
  const bool existed = !present_.insert(path).second;
  Write write{Kind::kState, state.check_id, path, to_json(state), existed, std::nullopt};
  if (auto repair = repairs_.extract(path); !repair.empty()) write.intended = repair.mapped().content;
  change->writes.push_back(std::move(write));
  if (done) change->done.push_back(std::move(done));
  waits = change.get();
  enqueue(std::move(change));
}

void DefinitionStore::enqueue(std::unique_ptr<Change> change) {
  // What removes a state must not be overtaken by a report that came after it.
  if (change->nature != Nature::kState) {
    for (const Write& write : change->writes) waiting_states_.erase(write.path);
  }
  waiting_.push_back(std::move(change));
  start_batch();
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
  const auto ended = std::exchange(batch_, nullptr);
  settle(*ended);
  if (!waiting_.empty()) {
    batch_ = std::make_shared<Batch>();
    batch_->changes = std::exchange(waiting_, {});
    waiting_states_.clear();
    const Status begun = workers_->run([&files = env_.files(), batch = batch_] { carry_out(files, *batch); },
                                       [this] { finish_batch(); });
    if (!begun.ok()) {  // no thread to be had: then here
      carry_out(env_.files(), *batch_);
      finish_later();
    }
  }
  for (const auto& change : ended->changes) {
    for (auto& done : change->done) done(change->status);  // the last thing here: they may ask for more
  }
}

void DefinitionStore::settle(Batch& batch) {
  if (!batch.failed.keys.empty()) fail_waiting(batch);
  std::size_t failures = 0;
  const Status* first = nullptr;
  for (const auto& change : batch.changes) {
    for (Write& write : change->unrepaired) plan_repair(std::move(write));
    if (change->status.ok()) continue;
    ++failures;
    if (first == nullptr) first = &change->status;
  }
  if (first == nullptr) return;
  env_.log().write(Level::kError, "agent",
                   "cannot keep what was registered: " + first->to_string() +
                       (failures > 1 ? " (and so " + std::to_string(failures - 1) + " more)" : ""));
  if (!batch.failed.keys.empty()) revert(batch);
}

void DefinitionStore::fail_waiting(Batch& batch) {
  Changes left;
  for (auto& change : waiting_) {
    if (change->nature == Nature::kRepair) change->status = batch.failed.why;
    if (!is_doomed(*change, batch.failed)) {
      left.push_back(std::move(change));
      continue;
    }
    if (change->nature == Nature::kState) waiting_states_.erase(change->writes.front().path);
    fail(env_.files(), *change, batch.failed);
    batch.changes.push_back(std::move(change));
  }
  waiting_ = std::move(left);
}

void DefinitionStore::revert(const Batch& batch) {
  Reverted reverted;
  std::set<std::string> seen;
  for (const auto& change : batch.changes) {
    for (const Former& former : change->formers) {
      if (!seen.insert(former.path).second) continue;
      const bool there = former.text.has_value();
      there ? void(present_.insert(former.path)) : void(present_.erase(former.path));
      const bool is_service = former.kind == Kind::kService;
      if (former.kind == Kind::kState || (there && !former.text->ok())) continue;
      if (!there) {
        (is_service ? reverted.missing_services : reverted.missing_checks).push_back(former.id);
      } else if (is_service) {
        StoredService service;
        if (parse(**former.text, service).ok()) reverted.services.push_back(std::move(service));
      } else {
        StoredCheck check;
        if (parse(**former.text, check).ok()) reverted.checks.push_back(std::move(check));
      }
    }
  }
  reverted_(std::move(reverted));
}

bool DefinitionStore::hand_over(const Write& repair, std::span<const std::unique_ptr<Change>> later) {
  for (const auto& change : later) {
    for (Write& write : change->writes) {
      if (write.path != repair.path) continue;
      write.intended = repair.content;
      return true;
    }
  }
  return false;
}

void DefinitionStore::plan_repair(Write write) {
  if (hand_over(write, waiting_)) return;
  present_.insert(write.path);
  if (repairs_.empty()) repair_timer_->start(kRepairPause, [this] { repair(); });
  std::string path = write.path;
  repairs_.insert_or_assign(std::move(path), std::move(write));
}

void DefinitionStore::take_repairs(Change& change) {
  for (auto& [path, write] : std::exchange(repairs_, {})) {
    if (!write.content) present_.erase(path);
    change.writes.push_back(std::move(write));
  }
}

void DefinitionStore::repair() {
  auto change = std::make_unique<Change>();
  change->nature = Nature::kRepair;
  take_repairs(*change);
  if (!change->writes.empty()) enqueue(std::move(change));
}

bool DefinitionStore::is_doomed(const Change& change, const Failed& failed) {
  if (failed.keys.empty() || change.nature == Nature::kRepair) return false;
  // Who has changed nothing relied on what was there before.
  if (change.writes.empty()) return true;
  return std::any_of(change.concerns.begin(), change.concerns.end(),
                     [&](const std::string& key) { return failed.keys.contains(key); });
}

void DefinitionStore::carry_out(env::Files& files, Batch& batch) {
  const std::span<const std::unique_ptr<Change>> all = batch.changes;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Change& change = *all[i];
    const bool doomed = is_doomed(change, batch.failed);
    // Who asked for nothing new and brought repairs about relied on what was there before, too.
    if (change.nature == Nature::kRepair && change.status.ok()) change.status = batch.failed.why;
    if (!doomed) write(files, change);
    if (doomed || change.failed) fail(files, change, batch.failed);
    std::erase_if(change.unrepaired,
                  [&](const Write& repair) { return hand_over(repair, all.subspan(i + 1)); });
  }
  batch.done = true;
}

void DefinitionStore::fail(env::Files& files, Change& change, Failed& failed) {
  change.failed = true;
  if (change.status.ok()) change.status = failed.why;
  // What this change was to replace, and should not be there, still has to go.
  for (const Write& write : change.writes) {
    const auto same_path = [&](const Write& repair) { return repair.path == write.path; };
    const auto& repairs = change.unrepaired;
    if (write.intended && std::none_of(repairs.begin(), repairs.end(), same_path)) {
      change.unrepaired.push_back({write.kind, write.id, write.path, *write.intended, true, std::nullopt});
    }
  }
  if (change.nature == Nature::kState) return;
  if (failed.keys.empty()) failed.why = change.status;
  failed.keys.insert(change.concerns.begin(), change.concerns.end());
  for (const Write& write : change.writes) {
    Former former = former_of(files, write);
    for (const Write& repair : change.unrepaired) {
      if (repair.path != write.path) continue;
      former.text.reset();
      if (repair.content) former.text = *repair.content;
    }
    change.formers.push_back(std::move(former));
  }
}

DefinitionStore::Former DefinitionStore::former_of(env::Files& files, const Write& write) {
  Former former{write.kind, write.id, write.path, std::nullopt};
  if (write.intended) {
    if (*write.intended) former.text = **write.intended;
  } else if (write.existed) {
    former.text = files.read(write.path, kMaxFile);
    if (former.text->status().code() == Code::kNotFound) former.text.reset();
  }
  return former;
}

void DefinitionStore::write(env::Files& files, Change& change) {
  std::vector<Former> before;
  for (const Write& write : change.writes) {
    if (!write.content) continue;
    Status status;
    if (change.nature == Nature::kChange) {
      Former former = former_of(files, write);
      if (former.text) status = former.text->status();
      if (status.ok()) before.push_back(std::move(former));
    }
    if (status.ok()) {
      status = files.replace(write.path, *write.content);
    }
    if (status.ok()) continue;
    change.status = std::move(status);
    if (change.nature == Nature::kRepair) {
      change.unrepaired.push_back(write);
      continue;
    }
    change.failed = true;
    if (change.nature == Nature::kChange) undo(files, change, before);
    return;
  }
  // Last, since these are not taken back.
  for (const Write& write : change.writes) {
    if (write.content) continue;
    Status status = files.remove(write.path);
    if (status.ok() || status.code() == Code::kNotFound) continue;
    change.unrepaired.push_back(write);
    const char* const what = change.nature == Nature::kRepair
                                 ? "what was removed earlier still has its file: "
                                 : "it is gone, but its file is not, and brings it back if the agent starts "
                                   "again before that is mended: ";
    change.status = {status.code(), what + std::string(status.message())};
  }
}

void DefinitionStore::undo(env::Files& files, Change& change, std::vector<Former>& before) {
  for (auto one = before.rbegin(); one != before.rend(); ++one) {
    Write back{one->kind, one->id, one->path, std::nullopt, true};
    if (one->text) back.content = **one->text;
    const auto now = files.read(back.path, kMaxFile);
    const bool unchanged = back.content ? now.ok() && *now == *back.content
                                        : !now.ok() && now.status().code() == Code::kNotFound;
    if (unchanged) continue;  // the usual end of the write that has failed
    Status status = back.content ? files.replace(back.path, *back.content) : files.remove(back.path);
    if (!back.content && status.code() == Code::kNotFound) status = {};
    if (!status.ok()) change.unrepaired.push_back(std::move(back));
  }
}

}  // namespace discovery::agent
