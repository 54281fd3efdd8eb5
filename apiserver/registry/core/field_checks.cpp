#include "apiserver/registry/core/field_checks.h"

#include "lib/api/validation.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

namespace wherry::apiserver::registry {

void CheckOneOf(ErrorList& errors, const FieldPath& path, std::string_view value,
                std::span<const std::string_view> allowed) {
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
  errors.NotSupported(path, value, std::vector<std::string>(allowed.begin(), allowed.end()));
}

void CheckRequiredOneOf(ErrorList& errors, const FieldPath& path, std::string_view value,
                        std::span<const std::string_view> allowed) {
  if (value.empty()) {
    errors.Required(path);
  } else {
    CheckOneOf(errors, path, value, allowed);
  }
}

void CheckRequired(ErrorList& errors, const FieldPath& path, std::string_view value,
                   std::string_view detail) {
  if (value.empty()) errors.Required(path, detail);
}

void CheckNonNegative(ErrorList& errors, const FieldPath& path, int64_t value) {
  if (value < 0) errors.Invalid(path, value, kIsNegative);
}

void CheckImmutable(ErrorList& errors, const FieldPath& path, std::string_view value,
                    std::string_view old) {
  if (value != old) errors.Invalid(path, value, kFieldIsImmutable);
}

void CheckDNS1123Label(ErrorList& errors, const FieldPath& path, std::string_view value) {
  AddReasons(errors, path, value, api::IsDNS1123Label(value));
}

void CheckDNS1123Subdomain(ErrorList& errors, const FieldPath& path, std::string_view value) {
  AddReasons(errors, path, value, api::IsDNS1123Subdomain(value));
}

void CheckQualifiedName(ErrorList& errors, const FieldPath& path, std::string_view value) {
  AddReasons(errors, path, value, api::IsQualifiedName(value));
}

namespace {

enum class Special { kInvalid, kNone, kUnspecified, kLoopback, kLinkLocal, kLinkLocalMulticast };

Special ClassifyIPv4(uint32_t address) {
  if (address == 0) return Special::kUnspecified;
  if (address >> 24 == 127) return Special::kLoopback;
  if (address >> 16 == 0xa9fe) return Special::kLinkLocal;            // 169.254.0.0/16
  if (address >> 8 == 0xe00000) return Special::kLinkLocalMulticast;  // 224.0.0.0/24
  return Special::kNone;
}

Special Classify(std::string_view text) {
  std::string address(text);
  in_addr four{};
  if (inet_pton(AF_INET, address.c_str(), &four) == 1) return ClassifyIPv4(ntohl(four.s_addr));
  in6_addr six{};
  if (inet_pton(AF_INET6, address.c_str(), &six) != 1) return Special::kInvalid;
  if (IN6_IS_ADDR_UNSPECIFIED(&six)) return Special::kUnspecified;
  if (IN6_IS_ADDR_LOOPBACK(&six)) return Special::kLoopback;
  if (IN6_IS_ADDR_LINKLOCAL(&six)) return Special::kLinkLocal;
  if (IN6_IS_ADDR_MC_LINKLOCAL(&six)) return Special::kLinkLocalMulticast;
  return Special::kNone;
}

}  // namespace

void CheckNonSpecialIP(ErrorList& errors, const FieldPath& path, std::string_view value) {
  switch (Classify(value)) {
    case Special::kInvalid:
      errors.Invalid(path, value, "must be a valid IP address");
      break;
    case Special::kUnspecified:
      errors.Invalid(path, value, "may not be unspecified (" + std::string(value) + ")");
      break;
    case Special::kLoopback:
      errors.Invalid(path, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
      break;
    case Special::kLinkLocal:
      errors.Invalid(path, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)");
      break;
    case Special::kLinkLocalMulticast:
      errors.Invalid(path, value,
                     "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)");
      break;
    case Special::kNone:
      break;
  }
}

}  // namespace wherry::apiserver::registry
