#include "apiserver/endpoints/html_links.h"

#include "lib/base/ascii.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace wherry::apiserver::endpoints {

namespace {

constexpr size_t kTagBytesMax = 64 * 1024;

struct LinkAttributes {
  std::string_view tag;
  std::array<std::string_view, 4> names;
};
constexpr std::array kLinkAttributes = {
    LinkAttributes{"a", {"href"}},
    LinkAttributes{"applet", {"codebase"}},
    LinkAttributes{"area", {"href"}},
    LinkAttributes{"audio", {"src"}},
    LinkAttributes{"base", {"href"}},
    LinkAttributes{"blockquote", {"cite"}},
    LinkAttributes{"body", {"background"}},
    LinkAttributes{"button", {"formaction"}},
    LinkAttributes{"command", {"icon"}},
    LinkAttributes{"del", {"cite"}},
    LinkAttributes{"embed", {"src"}},
    LinkAttributes{"form", {"action"}},
    LinkAttributes{"frame", {"longdesc", "src"}},
    LinkAttributes{"head", {"profile"}},
    LinkAttributes{"html", {"manifest"}},
    LinkAttributes{"iframe", {"longdesc", "src"}},
    LinkAttributes{"img", {"longdesc", "src", "usemap"}},
    LinkAttributes{"input", {"src", "usemap", "formaction"}},
    LinkAttributes{"ins", {"cite"}},
    LinkAttributes{"link", {"href"}},
    LinkAttributes{"object", {"classid", "codebase", "data", "usemap"}},
    LinkAttributes{"q", {"cite"}},
    LinkAttributes{"script", {"src"}},
    LinkAttributes{"source", {"src"}},
    LinkAttributes{"video", {"poster", "src"}},
};
// Elements whose content is text up to their own end tag.
constexpr std::array<std::string_view, 8> kRawText = {"iframe", "noembed",  "noframes", "script",
                                                      "style",  "textarea", "title",    "xmp"};

bool IsLetter(char c) { return AsciiLower(c) >= 'a' && AsciiLower(c) <= 'z'; }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

bool HoldsLink(std::string_view tag, std::string_view attribute) {
  if (attribute.empty()) return false;
  for (const LinkAttributes& known : kLinkAttributes) {
    if (known.tag != tag) continue;
    return std::find(known.names.begin(), known.names.end(), attribute) != known.names.end();
  }
  return false;
}

struct Attribute {
  std::string name;  // lower case
  size_t value = 0;  // where its value begins
  size_t size = 0;
};
struct Tag {
  std::string name;  // lower case
  size_t end = 0;    // behind its '>'
  std::vector<Attribute> attributes;
};

// Reads the start tag at the beginning of `text`; nullopt while its end is not there.
// Source: the HTML standard, section 13.2.5 (tag and attribute states).
std::optional<Tag> ReadTag(std::string_view text) {
  Tag tag;
  size_t at = 1;
  auto more = [&] { return at < text.size(); };
  auto skip_spaces = [&] {
    while (more() && IsSpace(text[at])) ++at;
  };
  while (more() && !IsSpace(text[at]) && text[at] != '/' && text[at] != '>') ++at;
  tag.name = AsciiLowered(text.substr(1, at - 1));
  while (more()) {
    if (IsSpace(text[at]) || text[at] == '/') {
      ++at;
      continue;
    }
    if (text[at] == '>') {
      tag.end = at + 1;
      return tag;
    }
    Attribute attribute;
    const size_t name = at++;
    while (more() && !IsSpace(text[at]) && text[at] != '/' && text[at] != '>' && text[at] != '=') {
      ++at;
    }
    attribute.name = AsciiLowered(text.substr(name, at - name));
    skip_spaces();
    if (!more()) return std::nullopt;
    if (text[at] != '=') continue;
    ++at;
    skip_spaces();
    if (!more()) return std::nullopt;
    const char quote = text[at];
    if (quote == '"' || quote == '\'') {
      attribute.value = ++at;
      while (more() && text[at] != quote) ++at;
      if (!more()) return std::nullopt;
      attribute.size = at++ - attribute.value;
    } else {
      attribute.value = at;
      while (more() && !IsSpace(text[at]) && text[at] != '>') ++at;
      attribute.size = at - attribute.value;
    }
    tag.attributes.push_back(std::move(attribute));
  }
  return std::nullopt;
}

std::string WithLinks(std::string_view text, const Tag& tag, const LinkBase& base) {
  std::string out;
  size_t copied = 0;
  for (const Attribute& attribute : tag.attributes) {
    if (!HoldsLink(tag.name, attribute.name)) continue;
    out += text.substr(copied, attribute.value - copied);
    out += ProxiedLink(text.substr(attribute.value, attribute.size), base);
    copied = attribute.value + attribute.size;
  }
  out += text.substr(copied, tag.end - copied);
  return out;
}

// Where `word` (lower case) begins in `text`, without regard to case.
size_t FindWord(std::string_view text, std::string_view word) {
  auto found = std::search(text.begin(), text.end(), word.begin(), word.end(),
                           [](char a, char b) { return AsciiLower(a) == b; });
  return found == text.end() ? std::string_view::npos : static_cast<size_t>(found - text.begin());
}

}  // namespace

std::string ProxiedLink(std::string_view link, const LinkBase& base) {
  std::string_view rest = link;
  std::string_view origin;  // "http://host", as far as the link has it
  std::string_view authority;
  const size_t colon = link.find_first_of(":/?#");
  if (colon != std::string_view::npos && colon > 0 && link[colon] == ':' && IsLetter(link[0])) {
    rest.remove_prefix(colon + 1);
  }
  if (rest.starts_with("//")) {
    const size_t end = std::min(rest.find_first_of("/?#", 2), rest.size());
    authority = rest.substr(2, end - 2);
    rest.remove_prefix(end);
  }
  origin = link.substr(0, link.size() - rest.size());
  const bool elsewhere =
      !authority.empty() && authority != base.authority && authority != base.host;
  if (elsewhere || !rest.starts_with('/')) return std::string(link);
  // A page that knows under which name it is shown may say so itself.
  std::string kept(!authority.empty() && authority == base.host ? origin : "");
  if (rest.starts_with(base.prefix)) return kept.append(rest);
  return kept.append(base.prefix).append(rest);
}

std::string HtmlLinks::Feed(std::string_view bytes) {
  if (given_up_) return std::string(bytes);
  pending_ += bytes;
  return Take(false);
}

std::string HtmlLinks::Finish() { return Take(true); }

bool HtmlLinks::PassRawText(bool at_end, std::string& out) {
  const size_t found = FindWord(pending_, raw_end_);
  if (found != std::string::npos) {
    const size_t end = found + raw_end_.size();
    out.append(pending_, 0, end);
    pending_.erase(0, end);
    raw_end_.clear();
    return true;
  }
  // The end may be cut in two.
  const size_t keep = at_end ? 0 : std::min(pending_.size(), raw_end_.size() - 1);
  out.append(pending_, 0, pending_.size() - keep);
  pending_.erase(0, pending_.size() - keep);
  return false;
}

std::string HtmlLinks::Take(bool at_end) {
  constexpr std::string_view kComment = "<!--";
  std::string out;
  size_t at = 0;  // of pending_: what is before it is in `out`
  auto drop_taken = [&] {
    pending_.erase(0, at);
    at = 0;
  };
  while (true) {
    if (!raw_end_.empty()) {
      drop_taken();
      if (!PassRawText(at_end, out)) return out;
    }
    const std::string_view text(pending_);
    const size_t open = std::min(text.find('<', at), text.size());
    out += text.substr(at, open - at);
    at = open;
    const std::string_view tag_text = text.substr(open);
    if (tag_text.empty()) break;
    if (tag_text.starts_with(kComment)) {
      out += kComment;
      at += kComment.size();
      raw_end_ = "-->";
      continue;
    }
    const bool may_grow = !at_end && tag_text.size() < kTagBytesMax;
    if (may_grow && (tag_text.size() == 1 || kComment.starts_with(tag_text))) break;
    std::optional<Tag> tag;
    if (tag_text.size() > 1 && IsLetter(tag_text[1])) {
      tag = ReadTag(tag_text);
      if (!tag && may_grow) break;
      // Looking for it again at every later '<' would take the square of its length.
      given_up_ = !tag;
    }
    if (given_up_) return out + std::exchange(pending_, {}).substr(at);
    if (!tag) {
      out += '<';
      ++at;
      continue;
    }
    out += WithLinks(tag_text, *tag, base_);
    at += tag->end;
    if (std::find(kRawText.begin(), kRawText.end(), tag->name) != kRawText.end()) {
      raw_end_ = "</" + tag->name;
    }
  }
  drop_taken();
  return out;
}

}  // namespace wherry::apiserver::endpoints
