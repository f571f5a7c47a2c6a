#pragma once

#include <string>
#include <vector>

#include "lib/http/read.h"

namespace discovery::http::v1 {

/// Reads what all reads of the catalog and of health know. What is wrong is answered with 400; returns
/// whether nothing was.
bool parse_common_read(const Request& request, Reply& reply, ReadParams& params);

/// As parse_common_read(), for paths that end in a name; without one the answer is 400 with `missing`.
bool parse_named_read(const Request& request, Reply& reply, ReadParams& params, const char* missing);

/// As parse_named_read(), for a service.
bool parse_service_read(const Request& request, Reply& reply, ReadParams& params);

/// The values of all `tag`.
std::vector<std::string> parse_tags(const Request& request);

}  // namespace discovery::http::v1
