#include "lib/api/fields.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace wherry::api {
namespace {

// Cuts at commas that no backslash precedes.
std::vector<std::string_view> SplitTerms(std::string_view text) {
  std::vector<std::string_view> terms;
  size_t start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ',') {
      terms.push_back(text.substr(start, i - start));
      start = i + 1;
    }
  }
  terms.push_back(text.substr(start));
  return terms;
}

Result<std::string> Unescape(std::string_view text) {
  std::string value;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',' || text[i] == '=') {
      return MakeError(
          Reason::kBadRequest,
          std::string("invalid field selector: unescaped character in value: '") + text[i] + "'");
    }
    if (text[i] != '\\') {
      value += text[i];
      continue;
    }
    const std::string_view escaped = text.substr(i + 1, 1);
    if (escaped != "\\" && escaped != "," && escaped != "=") {
      return MakeError(Reason::kBadRequest, "invalid field selector: invalid escape sequence: \\" +
                                                std::string(escaped));
    }
    value += escaped;
    ++i;
  }
  return value;
}

Result<FieldSelector::Term> ParseTerm(std::string_view text) {
  const size_t at = text.find_first_of("!=");
  FieldSelector::Term term;
  size_t length = 0;
  if (at != std::string_view::npos) {
    const std::string_view rest = text.substr(at);
    term.negated = rest.starts_with("!=");
    length = term.negated || rest.starts_with("==") ? 2 : (rest.starts_with('=') ? 1 : 0);
  }
  if (length == 0) {
    return MakeError(Reason::kBadRequest,
                     "invalid selector: can't understand '" + std::string(text) + "'");
  }
  term.field = text.substr(0, at);
  TRY(term.value, Unescape(text.substr(at + length)));
  return term;
}

}  // namespace

Result<FieldSelector> FieldSelector::Parse(std::string_view text) {
  FieldSelector selector;
  for (std::string_view part : SplitTerms(text)) {
    if (part.empty()) continue;
    TRY(Term term, ParseTerm(part));
    selector.terms_.push_back(std::move(term));
  }
  std::sort(selector.terms_.begin(), selector.terms_.end(), [](const Term& a, const Term& b) {
    return std::tie(a.field, a.negated, a.value) < std::tie(b.field, b.negated, b.value);
  });
  return selector;
}

FieldSelector FieldSelector::Equals(std::string field, std::string value) {
  FieldSelector selector;
  selector.terms_.push_back({.field = std::move(field), .value = std::move(value)});
  return selector;
}

std::optional<std::string> FieldSelector::RequiresExactMatch(std::string_view field) const {
  std::optional<std::string> value;
  for (const Term& term : terms_) {
    if (term.field != field || term.negated) continue;
    if (value.has_value() && *value != term.value) return std::nullopt;
    value = term.value;
  }
  return value;
}

std::string FieldSelector::String() const {
  std::string text;
  for (const Term& term : terms_) {
    if (!text.empty()) text += ',';
    text += term.field;
    text += term.negated ? "!=" : "=";
    for (char c : term.value) {
      if (c == '\\' || c == ',' || c == '=') text += '\\';
      text += c;
    }
  }
  return text;
}

}  // namespace wherry::api
