#include "nodeagent/images/digest.h"
#include "nodeagent/images/image_service.h"

#include <algorithm>

// The grammar of distribution/reference:
//   reference := name [ ":" tag ] [ "@" digest ]; name := [domain "/"] component { "/" component }
//   component := alnum { ("." | "_" | "__" | "-"+) alnum }; tag :=
//   [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
namespace wherry::nodeagent::images {
namespace {

constexpr size_t kNameBytesMax = 255;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

Error Invalid(std::string_view text, const char* why) {
  return MakeError(Reason::kInvalid, "couldn't parse image name \"" + std::string(text) +
                                         "\": invalid reference format" + why);
}

bool IsComponent(std::string_view text) {
  auto alnum = [](char c) { return IsLower(c) || IsDigit(c); };
  if (text.empty() || !alnum(text.front()) || !alnum(text.back())) return false;
  for (size_t i = 0; i < text.size();) {
    if (alnum(text[i])) {
      ++i;
      continue;
    }
    size_t end = i;
    while (end < text.size() && text[end] == text[i]) ++end;
    size_t run = end - i;
    bool separator = (text[i] == '.' && run == 1) || (text[i] == '_' && run <= 2) || text[i] == '-';
    if (!separator || !alnum(text[end])) return false;
    i = end;
  }
  return true;
}

bool IsDomain(std::string_view text) {
  std::string_view host = text;
  if (size_t colon = text.find_last_of(':');
      colon != std::string_view::npos && !text.ends_with(']')) {
    std::string_view port = text.substr(colon + 1);
    if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, IsDigit)) return false;
    host = text.substr(0, colon);
  }
  if (host.starts_with('[') && host.ends_with(']')) {
    auto address = host.substr(1, host.size() - 2);
    return !address.empty() && std::ranges::all_of(address, [](char c) {
      return IsDigit(c) || c == ':' || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
  }
  while (true) {
    std::string_view label = host.substr(0, host.find('.'));
    auto letter = [](char c) { return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '-'; };
    if (label.empty() || label.front() == '-' || label.back() == '-' ||
        !std::ranges::all_of(label, letter)) {
      return false;
    }
    if (label.size() == host.size()) return true;
    host.remove_prefix(label.size() + 1);
  }
}

bool IsTag(std::string_view text) {
  auto word = [](char c) { return IsLower(c) || IsUpper(c) || IsDigit(c) || c == '_'; };
  return !text.empty() && text.size() <= 128 && word(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return word(c) || c == '.' || c == '-'; });
}

// Is what stands before the first slash a registry? "localhost", or anything with '.', ':' or an
// upper-case letter (which no repository may have).
bool LooksLikeDomain(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != std::string_view::npos ||
         std::ranges::any_of(first, IsUpper);
}

}  // namespace

std::string ImageReference::ToString() const {
  std::string text = registry + "/" + repository;
  if (!tag.empty()) text += ":" + tag;
  if (!digest.empty()) text += "@" + digest;
  return text;
}

Result<ImageReference> ParseImageReference(std::string_view text) {
  ImageReference reference;
  std::string_view rest = text;
  if (size_t at = rest.find('@'); at != std::string_view::npos) {
    reference.digest = rest.substr(at + 1);
    if (!DigestHex(reference.digest).ok()) return Invalid(text, "");
    rest = rest.substr(0, at);
  }
  size_t slash = rest.find_last_of('/');
  size_t colon = rest.find_last_of(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    reference.tag = rest.substr(colon + 1);
    if (!IsTag(reference.tag)) return Invalid(text, "");
    rest = rest.substr(0, colon);
  }
  size_t first = rest.find('/');
  if (first != std::string_view::npos && LooksLikeDomain(rest.substr(0, first))) {
    reference.registry = rest.substr(0, first);
    rest.remove_prefix(first + 1);
  } else {
    reference.registry = "docker.io";
  }
  if (reference.registry == "index.docker.io") reference.registry = "docker.io";
  if (!IsDomain(reference.registry)) return Invalid(text, "");
  reference.repository = rest;
  if (reference.repository.size() + reference.registry.size() > kNameBytesMax) {
    return Invalid(text, ": repository name must not be more than 255 characters");
  }
  for (;;) {
    std::string_view component = rest.substr(0, rest.find('/'));
    if (!IsComponent(component)) {
      bool upper = std::ranges::any_of(component, IsUpper);
      return upper ? Invalid(text, ": repository name must be lowercase") : Invalid(text, "");
    }
    if (component.size() == rest.size()) break;
    rest.remove_prefix(component.size() + 1);
  }
  if (reference.registry == "docker.io" && reference.repository.find('/') == std::string::npos) {
    reference.repository.insert(0, "library/");
  }
  if (reference.tag.empty() && reference.digest.empty()) reference.tag = "latest";
  return reference;
}

}  // namespace wherry::nodeagent::images
