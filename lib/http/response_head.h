#pragma once

#include "lib/http/message.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace wherry::http {

// "Not Found" for 404; "" for codes without a registered phrase. Source: RFC 9110 section 15.
std::string_view ReasonPhrase(int status);

// How the end of a response's body is told (RFC 9112 section 6).
enum class Framing { kNone, kLength, kChunked, kUntilClose };

// Appends the status line, the response's fields and those that are the server's own (Date,
// Content-Length, Transfer-Encoding, Connection), and the empty line. Fields with line breaks in
// them are left out.
void AppendResponseHead(const Response& response, Framing framing, size_t body_bytes,
                        bool keep_alive, std::string_view date, std::string& out);

// "Sun, 22 Nov 2026 15:04:05 GMT" (RFC 9110 section 5.6.7).
std::string FormatHttpDate(int64_t unix_seconds);

}  // namespace wherry::http
