#pragma once

namespace discovery::base {

/// How many processors the calling thread may run on, at least 1: its affinity counts, as set by taskset, a
/// container or systemd, not what the machine has. Threads that share one processor wait for each other, for
/// up to a tick of the kernel's clock. Threads: any. Blocks: never.
unsigned usable_processors();

}  // namespace discovery::base
