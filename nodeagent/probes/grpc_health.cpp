#include "nodeagent/probes/grpc_health.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace wherry::nodeagent::probes {

namespace {

constexpr size_t kPrefixBytes = 5;  // compressed flag, then the length in network order
constexpr uint8_t kServiceTag = 0x0a;
constexpr uint64_t kStatusField = 1;
constexpr int kOk = 0;
constexpr int kUnknown = 2;
constexpr int kUnimplemented = 12;

constexpr std::array<std::string_view, 17> kCodeNames = {
    "OK",       "Canceled",        "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",   "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",      "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated",
};

void AppendVarint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>((value & 0x7f) | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

// Skips a field's value; false when it is cut short or of a kind that is not known.
bool SkipValue(std::string_view& bytes, uint64_t wire_type) {
  uint64_t size = 0;
  switch (wire_type) {
    case 0:
      return TakeVarint(bytes).has_value();
    case 1:
      size = 8;
      break;
    case 2: {
      auto length = TakeVarint(bytes);
      if (!length) return false;
      size = *length;
      break;
    }
    case 5:
      size = 4;
      break;
    default:
      return false;
  }
  if (size > bytes.size()) return false;
  bytes.remove_prefix(size);
  return true;
}

// The status of a HealthCheckResponse; nullopt when `bytes` is none. A missing one is 0, UNKNOWN.
std::optional<uint64_t> ServingStatus(std::string_view bytes) {
  uint64_t status = 0;
  while (!bytes.empty()) {
    auto tag = TakeVarint(bytes);
    if (!tag) return std::nullopt;
    if (*tag == kStatusField << 3) {
      auto value = TakeVarint(bytes);
      if (!value) return std::nullopt;
      status = *value;
    } else if (!SkipValue(bytes, *tag & 7)) {
      return std::nullopt;
    }
  }
  return status;
}

// The first message of a body; nullopt when it is incomplete or compressed.
std::optional<std::string_view> FirstMessage(std::string_view body) {
  if (body.size() < kPrefixBytes || body[0] != 0) return std::nullopt;
  size_t length = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) length = length << 8 | static_cast<uint8_t>(body[i]);
  body.remove_prefix(kPrefixBytes);
  if (length > body.size()) return std::nullopt;
  return body.substr(0, length);
}

int CodeOf(const http::Response& response) {
  const std::string_view text = response.headers.Get("grpc-status");
  int code = kUnknown;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), code);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole && code >= 0 ? code : kUnknown;
}

std::string StatusName(uint64_t status) {
  constexpr std::array<std::string_view, 4> kNames = {"UNKNOWN", "SERVING", "NOT_SERVING",
                                                      "SERVICE_UNKNOWN"};
  return status < kNames.size() ? std::string(kNames[status]) : std::to_string(status);
}

std::string RpcError(int code, std::string_view why) {
  const auto index = static_cast<size_t>(code);
  const std::string name = index < kCodeNames.size() ? std::string(kCodeNames[index])
                                                     : "Code(" + std::to_string(code) + ")";
  return "error: health rpc probe failed: rpc error: code = " + name +
         " desc = " + std::string(why);
}

}  // namespace

http::Request HealthCheckRequest(std::string_view url, std::string_view service) {
  http::Request request;
  request.method = "POST";
  request.target = std::string(url) + "/grpc.health.v1.Health/Check";
  request.headers.Set("Content-Type", "application/grpc");
  request.headers.Set("TE", "trailers");
  request.headers.Set("User-Agent", "kube-probe/1.28");
  std::string message;
  if (!service.empty()) {
    message += static_cast<char>(kServiceTag);
    AppendVarint(message, service.size());
    message += service;
  }
  request.body += '\0';
  for (int shift = 24; shift >= 0; shift -= 8)
    request.body += static_cast<char>(message.size() >> shift & 0xff);
  request.body += message;
  return request;
}

HealthAnswer ReadHealthAnswer(const http::Response& response) {
  if (response.status != 200) {
    return {.text = RpcError(kUnknown, "unexpected HTTP status code received from server: " +
                                           std::to_string(response.status))};
  }
  const int code = CodeOf(response);
  const std::string why(response.headers.Get("grpc-message"));
  if (code == kUnimplemented) {
    return {.text =
                "error: this server does not implement the grpc health protocol "
                "(grpc.health.v1.Health): " +
                why};
  }
  if (code != kOk) return {.text = RpcError(code, why)};
  std::optional<uint64_t> status;
  if (auto message = FirstMessage(response.body)) status = ServingStatus(*message);
  if (!status) return {.text = RpcError(kUnknown, "the answer is no HealthCheckResponse")};
  if (*status == 1) return {.serving = true, .text = "service healthy"};
  return {.text = "service unhealthy (responded with \"" + StatusName(*status) + "\")"};
}

}  // namespace wherry::nodeagent::probes
