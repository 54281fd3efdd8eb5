#pragma once

#include "apiserver/registry/core/field_path.h"

#include <initializer_list>
#include <span>
#include <string_view>

// Checks that many validators are made of. Each adds upstream's error for `path` when `value` is
// not right. Source: apimachinery pkg/api/validation and pkg/apis/core/validation.
namespace wherry::apiserver::registry {

using api::field::ErrorList;

inline constexpr std::string_view kFieldIsImmutable = "field is immutable";
inline constexpr std::string_view kIsNegative = "must be greater than or equal to 0";

// NotSupported, naming `allowed` as it is listed.
void CheckOneOf(ErrorList& errors, const FieldPath& path, std::string_view value,
                std::span<const std::string_view> allowed);
// Required when empty, otherwise as CheckOneOf.
void CheckRequiredOneOf(ErrorList& errors, const FieldPath& path, std::string_view value,
                        std::span<const std::string_view> allowed);
void CheckRequired(ErrorList& errors, const FieldPath& path, std::string_view value,
                   std::string_view detail = "");
void CheckNonNegative(ErrorList& errors, const FieldPath& path, int64_t value);
void CheckImmutable(ErrorList& errors, const FieldPath& path, std::string_view value,
                    std::string_view old);

void CheckDNS1123Label(ErrorList& errors, const FieldPath& path, std::string_view value);
void CheckDNS1123Subdomain(ErrorList& errors, const FieldPath& path, std::string_view value);
void CheckQualifiedName(ErrorList& errors, const FieldPath& path, std::string_view value);

// Addresses that a service's traffic cannot go to: unspecified, loopback, link-local.
void CheckNonSpecialIP(ErrorList& errors, const FieldPath& path, std::string_view value);

inline constexpr std::string_view kProtocols[] = {"SCTP", "TCP", "UDP"};
// ConfigMaps and Secrets.
inline constexpr int64_t kDataBytesMax = 1024 * 1024;

}  // namespace wherry::apiserver::registry
