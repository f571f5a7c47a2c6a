#include "lib/remote/answer_files.h"

#include <utility>
#include <vector>

#include "lib/base/base64.h"
#include "lib/base/digest.h"
#include "lib/codec/json_reader.h"
#include "lib/codec/json_writer.h"

namespace discovery::remote {
namespace {

constexpr std::string_view kMagic = "discovery-answer 1 ";
constexpr std::string_view kEnd = ".answer";
constexpr std::size_t kDigest = 64;
constexpr std::size_t kMaxHeader = 64U << 10;

/// The second line.
struct Header {
  std::string question;
  std::int64_t at_ms = 0;
  Index index = 0;
  std::int64_t status = 200;
};

template <class Archive, codec::Described<Header> R>
void describe(Archive& archive, R& header) {
  archive.bytes("Question", header.question);
  archive.field("AtMs", header.at_ms);
  archive.field("Index", header.index);
  archive.field("Status", header.status);
}

std::string name_of(std::string_view question) {
  return base::sha256_hex(question).substr(0, kDigest / 2) + std::string(kEnd);
}

Status damaged(std::string_view why) {
  return {Code::kDataLoss, "a kept answer is damaged: " + std::string(why)};
}

}  // namespace

std::string encode_kept(std::string_view question, const KeptAnswer& answer) {
  const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(answer.at.time_since_epoch());
  std::string rest = codec::to_json(Header{std::string(question), at.count(), answer.index, answer.status});
  rest += '\n';
  rest += *answer.body;
  return std::string(kMagic) + base::sha256_hex(rest) + '\n' + rest;
}

Result<KeptAnswer> decode_kept(std::string_view question, std::string_view text) {
  if (!text.starts_with(kMagic)) return damaged("it is of no known format");
  text.remove_prefix(kMagic.size());
  if (text.size() <= kDigest || text[kDigest] != '\n') return damaged("it ends too early");
  const std::string_view digest = text.substr(0, kDigest);
  text.remove_prefix(kDigest + 1);
  if (base::sha256_hex(text) != digest) return damaged("its checksum is another");
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return damaged("it has no body");
  Header header;
  if (Status status = codec::from_json(text.substr(0, line), header); !status.ok())
    return damaged(status.message());
  if (header.question != question) return damaged("it answers another question");
  if (header.status != 200 && header.status != 404) return damaged("it was no answer");
  KeptAnswer answer;
  answer.at =
      std::chrono::system_clock::time_point(std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::milliseconds(header.at_ms)));
  answer.index = header.index;
  answer.status = static_cast<int>(header.status);
  answer.body = std::make_shared<const std::string>(text.substr(line + 1));
  return answer;
}

/// What a worker does with files.
struct AnswerFiles::Job {
  env::Files& files;
  std::vector<std::pair<std::string, std::string>> contents{};  // path and text
  std::vector<std::string> removals{};
  Status failure{};

  void run() {
    for (const std::string& path : removals) {
      if (Status status = files.remove(path); !status.ok() && status.code() != Code::kNotFound)
        failure = status;
    }
    for (const auto& [path, text] : contents) {
      if (Status status = files.replace(path, text); !status.ok()) failure = status;
    }
  }
};

AnswerFiles::AnswerFiles(env::Env& env, std::string directory, const Limits& limits)
    : env_(env),
      directory_(std::move(directory)),
      limits_(limits),
      timer_(env.make_timer()),
      workers_(env.make_waiting_workers(64)) {
  Status status = env.files().make_directory(directory_);
  Result<std::vector<std::string>> names = std::vector<std::string>();
  if (status.ok()) status = env.files().remove_leftovers(directory_);
  if (status.ok()) names = env.files().list(directory_);
  if (status.ok()) status = names.status();
  usable_ = status.ok();
  if (!usable_) {
    log(Level::kError, "no answers are kept: " + std::string(status.message()));
    return;
  }
  for (const std::string& name : *names) {
    if (name.ends_with(kEnd)) names_.insert(name);
  }
}

AnswerFiles::~AnswerFiles() {
  workers_.reset();  // what was being written may not have been
  dirty_.merge(being_written_);
  Job job{env_.files()};
  for (const auto& [question, answer] : dirty_) {
    if (job.contents.size() == kLastWrites) break;
    job.contents.emplace_back(path_of(name_of(question)), encode_kept(question, answer));
  }
  job.run();
}

void AnswerFiles::remember(const std::string& name) {
  used_[name] = ++uses_;
  names_.insert(name);
  doomed_.erase(name);
  if (names_.size() <= limits_.max_cached_answers) return;
  // One of an earlier process goes, or the one that was not used for the longest time.
  const std::string* victim = nullptr;
  std::uint64_t victim_use = uses_;
  for (const std::string& other : names_) {
    const auto found = used_.find(other);
    const std::uint64_t use = found == used_.end() ? 0 : found->second;
    if (use < victim_use) {
      victim = &other;
      victim_use = use;
    }
    if (use == 0) break;
  }
  if (victim == nullptr) return;
  doomed_.insert(*victim);
  used_.erase(*victim);
  names_.erase(*victim);
}

void AnswerFiles::keep(const std::string& question, KeptAnswer answer) {
  if (!usable_) return;
  const std::string name = name_of(question);
  if (answer.body->size() > limits_.max_cached_bytes) {
    dirty_.erase(question);
    if (names_.erase(name) > 0) doomed_.insert(name);
    used_.erase(name);
  } else {
    remember(name);
    dirty_.insert_or_assign(question, std::move(answer));
  }
  arm();
}

void AnswerFiles::arm() {
  if (writing_ || (dirty_.empty() && doomed_.empty())) return;
  writing_ = true;
  timer_->start(kDelay, [this] { write(); });
}

void AnswerFiles::write() {
  being_written_ = std::exchange(dirty_, {});
  auto job = std::make_shared<Job>(Job{env_.files()});
  for (const std::string& name : std::exchange(doomed_, {})) job->removals.push_back(path_of(name));
  auto answers = std::make_shared<const std::map<std::string, KeptAnswer>>(being_written_);
  const auto done = [this, job] {
    writing_ = false;
    being_written_.clear();
    if (!job->failure.ok() && !std::exchange(complained_, true)) {
      log(Level::kWarn, "an answer cannot be kept: " + std::string(job->failure.message()));
    }
    if (job->failure.ok()) complained_ = false;
    arm();
  };
  const auto work = [job, answers, folder = directory_ + "/"] {
    for (const auto& [question, answer] : *answers) {
      job->contents.emplace_back(folder + name_of(question), encode_kept(question, answer));
    }
    job->run();
  };
  if (workers_->run(work, done).ok()) return;
  dirty_.merge(being_written_);  // later then; what has come since is newer
  being_written_.clear();
  writing_ = false;
  arm();
}

void AnswerFiles::load(const std::string& question, Loaded done) {
  struct Loading {
    Result<KeptAnswer> answer;
    Loaded done;
  };
  auto loading = std::make_shared<Loading>(
      Loading{Status(Code::kNotFound, "nothing was kept of this question"), std::move(done)});
  const std::string name = name_of(question);
  const auto later = [this, loading] {
    const Status status = loading->answer.status();
    if (status.code() == Code::kDataLoss) log(Level::kWarn, std::string(status.message()));
    loading->done(std::move(loading->answer));
  };
  const auto known = [&](const std::map<std::string, KeptAnswer>& answers) {
    const auto found = answers.find(question);
    if (found != answers.end()) loading->answer = found->second;
    return found != answers.end();
  };
  const bool at_hand = known(dirty_) || known(being_written_);
  if (at_hand || !names_.contains(name)) {
    if (!workers_->run([] {}, later).ok())
      env_.post([loading] { loading->done(std::move(loading->answer)); });
    return;
  }
  used_[name] = ++uses_;
  const std::size_t limit = limits_.max_cached_bytes + kMaxHeader;
  auto read = [loading, question, limit, &files = env_.files(), path = path_of(name)] {
    const Result<std::string> text = files.read(path, limit);
    loading->answer = text.ok() ? decode_kept(question, *text) : Result<KeptAnswer>(text.status());
  };
  if (!workers_->run(std::move(read), later).ok()) {
    env_.post([loading] { loading->done(Status(Code::kResourceExhausted, "too much is being read")); });
  }
}

}  // namespace discovery::remote
