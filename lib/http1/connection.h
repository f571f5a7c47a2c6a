#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/http1/server_state.h"

namespace discovery::http1 {

/// One connection of a server. It serves one request after the other, and deletes itself when it has ended:
/// when its stream is closed and no Responder points to it any more. While a request waits for its answer the
/// connection has no buffer, and likewise while it waits for a request: only a read of a few bytes.
class Connection final : public Exchange {
 public:
  /// Serves the requests that come. `address`: in whose count of connections this one is; empty for none.
  static void serve(ServerState& server, std::unique_ptr<env::Stream> stream, std::string address);
  /// Sends a ready answer without waiting for a request, and ends.
  static void refuse(ServerState& server, std::unique_ptr<env::Stream> stream, std::string_view answer);

  /// What it waited for did not come in time: ends it. May delete it.
  void time_out();
  /// The server ends: ends it if it is idle. May delete it.
  void end_if_idle();
  /// Ends it, whatever it does. May delete it.
  void cut();
  /// The server is gone: as cut(), but nobody is told.
  void detach();

  Duration deadline() const noexcept { return deadline_; }
  const base::ListLink<Connection>& all_link() const noexcept { return all_link_; }
  const base::ListLink<Connection>& load_link() const noexcept { return load_link_; }
  /// When the present slice of a large answer began to go out.
  Duration slice_begun() const noexcept { return slice_begun_; }

  void send(Response&& response) override;
  void start_stream(Response&& head) override;
  void write(Body&& piece, UniqueFunction<void(Status)> done) override;
  void finish() override;
  void abandon() noexcept override;
  void on_disconnect(UniqueFunction<void()> callback) override;
  bool disconnected() const noexcept override { return client_gone_; }
  bool on_connection_end(std::weak_ptr<EndListener> listener) override;

  static constexpr std::size_t kMaxEndListeners = 1024;

 private:
  enum class Phase : std::uint8_t {
    kHead,       // of the next request comes in, or nothing yet
    kBody,       // of the request comes in
    kHandling,   // the handler has the request
    kAnswering,  // the answer goes out
    kStreaming,  // pieces of the answer go out as they are given
    kLingering,  // all is said; what still comes is thrown away
  };

  Connection(ServerState& server, std::unique_ptr<env::Stream> stream, std::string address);
  ~Connection();

  // Reading.
  void read();
  void on_read(const Result<std::size_t>& result);
  void on_client_end(bool broken);

  // The request.
  void await_request();
  void read_head();
  void look_for_head();
  void parse_head(std::size_t size);
  void reject(HeadError error);
  void reject(std::string_view status, std::string_view text);
  void receive_body();
  void read_body();
  void decode_body();
  void make_room_for_body();
  void dispatch();
  void forget_request();
  void note_memory();
  void run_out_of_memory();

  // The answer.
  void begin_answer(const Response& response, bool streamed);
  void write_out(Body body, std::string_view tail);
  void write_slice();
  void forget_body();
  void on_written(const Status& status);
  void answered();
  void write_piece();
  void on_piece_written();
  void end_stream();
  void linger();

  // The end.
  bool end_waiting();
  void close();
  void report_end();
  void report_disconnect();
  void tell_end_listeners();
  bool is_listened_to();
  void call_later(void (Connection::*what)());
  const std::shared_ptr<Connection*>& self();
  void wait_for(Wait what);

  ServerState* server_;                  // null once detached
  std::unique_ptr<env::Stream> stream_;  // null once closed
  base::ListLink<Connection> all_link_{this};
  base::ListLink<Connection> wait_link_{this};
  base::ListLink<Connection> load_link_{this};  // while it holds much of a request, or is refused
  base::ListLink<Connection> out_link_{this};   // while a large answer goes out
  Duration deadline_{};
  Duration slice_begun_{};
  std::size_t held_ = 0;  // what the server knows of the memory that the request takes
  const std::string address_;

  Phase phase_ = Phase::kHead;
  Wait waits_for_ = Wait::kNothing;
  bool reading_ = false;
  bool watching_ = false;  // the read goes into watch_
  bool writing_ = false;
  bool responder_out_ = false;  // a Responder or a ResponseStream points here
  bool client_gone_ = false;    // it has ended its sending, or all
  bool keep_alive_ = true;      // after the present request
  bool to_head_ = false;        // the present request's method is HEAD
  bool http10_ = false;         // and its version
  bool with_body_ = true;       // the present answer has one
  bool chunked_ = false;        // the stream's pieces become chunks
  bool piece_waits_ = false;    // for the write that is under way
  bool end_waits_ = false;      // likewise
  bool refused_ = false;        // it is told why, and that is all

  ReadBuffer in_;
  HeadScanner scanner_;
  std::unique_ptr<Incoming> incoming_;  // from the head's end until the handler returns
  std::string out_;                     // the head and what is sent along with it
  Body body_;                           // then this, in slices
  std::string_view tail_;               // then this
  std::size_t body_sent_ = 0;
  std::size_t drained_ = 0;
  Body piece_;
  UniqueFunction<void(Status)> piece_done_;
  UniqueFunction<void()> on_disconnect_;
  std::unique_ptr<std::vector<std::weak_ptr<EndListener>>> end_listeners_;  // null: nobody yet
  std::shared_ptr<Connection*> self_;  // for what is posted; made when needed, null inside when this is gone
  std::array<char, 496> watch_;        // most requests fit
};

}  // namespace discovery::http1
