#include "apiserver/storage/cacher/resource_version_splice.h"

#include "apiserver/storage/cacher/json_members.h"

#include <nlohmann/json.hpp>

#include <charconv>
#include <limits>
#include <optional>

namespace wherry::apiserver::storage {
namespace {

using Kind = ResourceVersionSplice::Kind;

// A member `name` of the object `text`; nullopt when the text has to be parsed to know.
struct Found {
  bool present = false;
  bool any_member = false;
  std::string_view value;
  size_t begin = 0;  // just after the brace
};
std::optional<Found> Find(std::string_view text, std::string_view name) {
  Found found;
  JsonMembers members(text);
  found.begin = members.begin();
  while (members.Next()) {
    found.any_member = true;
    if (members.key().find('\\') != std::string_view::npos) return std::nullopt;
    if (members.key() != name) continue;
    if (found.present) return std::nullopt;
    found.present = true;
    found.value = members.value();
  }
  if (members.failed()) return std::nullopt;
  return found;
}

std::string Rewrite(std::string_view json, std::string revision) {
  auto parsed = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object()) return std::string(json);
  auto& metadata = parsed["metadata"];
  if (!metadata.is_object()) metadata = nlohmann::json::object();
  metadata["resourceVersion"] = std::move(revision);
  return parsed.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

ResourceVersionSplice FindResourceVersionSplice(std::string_view json) {
  const ResourceVersionSplice rewrite{.kind = Kind::kRewrite};
  const size_t start = json.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos || json[start] != '{') return {};
  if (json.size() > std::numeric_limits<uint32_t>::max()) return rewrite;
  const auto metadata = Find(json, "metadata");
  if (!metadata) return rewrite;
  if (!metadata->present) {
    return {.kind = Kind::kMetadata,
            .comma = metadata->any_member,
            .at = static_cast<uint32_t>(metadata->begin)};
  }
  if (!metadata->value.starts_with('{')) return rewrite;
  const auto version = Find(metadata->value, "resourceVersion");
  if (!version || version->present) return rewrite;
  const size_t at = static_cast<size_t>(metadata->value.data() - json.data()) + version->begin;
  return {.kind = Kind::kMember, .comma = version->any_member, .at = static_cast<uint32_t>(at)};
}

void AppendSpliced(std::string_view json, ResourceVersionSplice splice, Revision revision,
                   std::string& out) {
  char digits[24];
  const auto printed = std::to_chars(digits, digits + sizeof digits, revision);
  const std::string_view number(digits, static_cast<size_t>(printed.ptr - digits));
  if (splice.kind == Kind::kNone) {
    out += json;
    return;
  }
  if (splice.kind == Kind::kRewrite) {
    out += Rewrite(json, std::string(number));
    return;
  }
  out += json.substr(0, splice.at);
  if (splice.kind == Kind::kMetadata) out += "\"metadata\":{";
  out += "\"resourceVersion\":\"";
  out += number;
  out += '"';
  if (splice.kind == Kind::kMetadata) out += '}';
  if (splice.comma) out += ',';
  out += json.substr(splice.at);
}

}  // namespace wherry::apiserver::storage
