#include "lib/env/asio_resolver.h"

#include <utility>

#include <asio/ip/basic_resolver.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/post.hpp>

namespace discovery::env {
namespace {

using Addresses = std::vector<std::string>;
using Done = UniqueFunction<void(Result<Addresses>)>;

class Lookup final : public LocalCounted<Lookup> {
 public:
  using Resolver = asio::ip::basic_resolver<asio::ip::tcp, AsioLoop::Executor>;

  Lookup(AsioLoop& loop, Done done)
      : loop_(loop.shared_from_this()), resolver_(loop.io), done_(std::move(done)) {}

  void start(const std::string& name) {
    resolver_.async_resolve(
        name, "", [self = base::Ref<Lookup>::share(this), name](const asio::error_code& error, auto results) {
          self->finish(error ? failure(name, error) : addresses_of(results));
        });
  }

 private:
  static Result<Addresses> failure(const std::string& name, const asio::error_code& error) {
    if (error == asio::error::host_not_found || error == asio::error::no_data) {
      return Status(Code::kNotFound, "lookup " + name + ": no such host");
    }
    return Status(Code::kUnavailable, "lookup " + name + ": " + error.message());
  }

  static Result<Addresses> addresses_of(const Resolver::results_type& results) {
    Addresses addresses;
    for (const auto& entry : results) addresses.push_back(entry.endpoint().address().to_string());
    return addresses;
  }

  void finish(Result<Addresses> result) {
    Done done = std::move(done_);
    loop_->turn([&] { done(std::move(result)); });
  }

  const std::shared_ptr<AsioLoop> loop_;
  Resolver resolver_;
  Done done_;
};

}  // namespace

void asio_resolve(AsioLoop& loop, const std::string& name, Done done) {
  asio::error_code not_an_address;
  asio::ip::make_address(name, not_an_address);
  if (not_an_address) return base::Ref<Lookup>::share(new Lookup(loop, std::move(done)))->start(name);
  asio::post(loop.io, [loop = loop.shared_from_this(), name, done = std::move(done)]() mutable {
    loop->turn([&] { done(Addresses{name}); });
  });
}

}  // namespace discovery::env
