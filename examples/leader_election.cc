// One of several processes leads: `leader_election NAME [URL]` campaigns at the agent there, says when it
// leads, and works until it is killed or loses the lead. Start three, kill the one that leads, and another
// takes over.
#include <cstdio>
#include <future>

#include <discovery/agent.h>
#include <discovery/lock.h>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s NAME [URL]\n", argv[0]);
    return 2;
  }
  discovery::AgentOptions options{.mode = discovery::Mode::kRemote};
  if (argc > 2) options.remote_urls = {argv[2]};
  auto agent = discovery::Agent::start(options);
  if (!agent.ok()) return 1;

  // Everybody sees who leads, candidates and others.
  auto leader = discovery::LeaderElection::observe((*agent)->kv(), "example/leader");
  leader.on_change([](const discovery::Result<discovery::Update<std::optional<discovery::Leader>>>& update) {
    if (!update.ok()) return;
    const std::optional<discovery::Leader>& now = *update->view.value;
    std::printf("leader: %s\n", now ? now->value.c_str() : "nobody");
    std::fflush(stdout);
  });

  auto session = (*agent)->open_session({.name = argv[1]}).get();
  if (!session.ok()) {
    std::fprintf(stderr, "%s\n", session.status().to_string().c_str());
    return 1;
  }
  discovery::LeaderElection election(*session, "example/leader", argv[1]);
  auto lead = election.campaign().get();
  if (!lead.ok()) return 1;
  std::printf("%s leads with fence %llu\n", argv[1], static_cast<unsigned long long>(lead->fence()));
  std::fflush(stdout);

  std::promise<void> lost;
  const std::stop_callback when_lost(lead->lost(), [&] { lost.set_value(); });
  lost.get_future().get();
  std::printf("%s has lost the lead\n", argv[1]);
  return 0;
}
