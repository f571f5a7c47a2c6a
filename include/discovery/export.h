#pragma once

/// \file
/// DISCOVERY_EXPORT marks what the library offers to its users; everything else is hidden.
/// The build defines DISCOVERY_STATIC for the static library (and hands it on to users of it).

#if defined(DISCOVERY_STATIC)
#define DISCOVERY_EXPORT
#else
#define DISCOVERY_EXPORT [[gnu::visibility("default")]]
#endif
