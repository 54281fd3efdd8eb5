#pragma once

#include "lib/http/curl_client.h"

#include <string>

namespace wherry::http {

// What a client's Authorization field carries: the file's token, read now, when a file is named.
// "" without one, or when the file cannot be read: the server's 401 then says what is missing.
std::string BearerTokenOf(const CurlClient::Options& options);

}  // namespace wherry::http
