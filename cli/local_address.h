#pragma once

#include "lib/base/result.h"

#include <string>

namespace wherry::cli {

// The first global IPv4 address of an interface that is up, other than loopback; 127.0.0.1 when
// there is none.
std::string FirstAddress();
// The local address from which `url` ("https://10.0.0.1:6443") is reached, as the routes say;
// FirstAddress when that is a loopback one or the name is not known. May ask DNS: at start only.
// Errors: kBadRequest for what is no URL, kServiceUnavailable when no route leads there.
Result<std::string> AddressTowards(const std::string& url);

}  // namespace wherry::cli
