// Precompiled for the library's translation units: headers that most of them include and that are slow to
// parse. A source still includes what it uses; the build without this header (DISCOVERY_PCH=OFF, clang-tidy)
// shows if it does not.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
