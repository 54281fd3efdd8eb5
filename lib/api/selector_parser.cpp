// Label selectors from text and from metav1.LabelSelector.
//
//   selector    = [ requirement { "," requirement } ]
//   requirement = [ "!" ] key | key operator value | key ( "in" | "notin" ) "(" [ value { "," value
//   } ] ")" operator    = "=" | "==" | "!=" | ">" | "<"
//
// A value may be empty; "in" and "notin" are values too where no operator can stand.

#include "lib/api/labels.h"
#include "lib/api/validation.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <tuple>

namespace wherry::api {
namespace {

using Operator = Selector::Operator;
using Requirement = Selector::Requirement;

struct Token {
  enum class Type { kEnd, kWord, kSymbol } type = Type::kEnd;
  std::string_view text;
};

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool IsSymbol(char c) { return std::string_view("=!(),><").find(c) != std::string_view::npos; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : rest_(text) { Advance(); }

  const Token& next() const { return next_; }
  bool NextIs(std::string_view text) const {
    return next_.type != Token::Type::kEnd && next_.text == text;
  }
  bool NextIsWord() const { return next_.type == Token::Type::kWord; }
  bool NextIsEnd() const { return next_.type == Token::Type::kEnd; }
  Token Take() {
    Token taken = next_;
    Advance();
    return taken;
  }
  bool TakeIf(std::string_view text) {
    if (!NextIs(text)) return false;
    Advance();
    return true;
  }

 private:
  void Advance() {
    while (!rest_.empty() && IsSpace(rest_.front())) rest_.remove_prefix(1);
    if (rest_.empty()) {
      next_ = {};
      return;
    }
    size_t length = 1;
    if (IsSymbol(rest_.front())) {
      if (rest_.starts_with("==") || rest_.starts_with("!=")) length = 2;
      next_.type = Token::Type::kSymbol;
    } else {
      while (length < rest_.size() && !IsSpace(rest_[length]) && !IsSymbol(rest_[length])) ++length;
      next_.type = Token::Type::kWord;
    }
    next_.text = rest_.substr(0, length);
    rest_.remove_prefix(length);
  }

  std::string_view rest_;
  Token next_;
};

Error Unexpected(const Lexer& lexer, std::string_view expected) {
  return MakeError(Reason::kBadRequest, "unable to parse requirement: found '" +
                                            std::string(lexer.next().text) +
                                            "', expected: " + std::string(expected));
}

std::string Joined(const Reasons& reasons) {
  std::string text;
  for (const std::string& reason : reasons) text += (text.empty() ? "" : "; ") + reason;
  return text;
}

bool IsInteger(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Status CheckRequirement(const Requirement& requirement) {
  auto invalid = [](std::string_view where, std::string_view value, std::string_view why) {
    return MakeError(Reason::kBadRequest, std::string(where) + ": Invalid value: \"" +
                                              std::string(value) + "\": " + std::string(why));
  };
  if (Reasons reasons = IsQualifiedName(requirement.key); !reasons.empty()) {
    return invalid("key", requirement.key, Joined(reasons));
  }
  const size_t count = requirement.values.size();
  switch (requirement.op) {
    case Operator::kIn:
    case Operator::kNotIn:
      if (count == 0)
        return invalid("values", "", "for 'in', 'notin' operators, values set can't be empty");
      break;
    case Operator::kExists:
    case Operator::kDoesNotExist:
      if (count > 0) {
        return invalid("values", requirement.values[0],
                       "values set must be empty for exists and does not exist");
      }
      break;
    case Operator::kGreaterThan:
    case Operator::kLessThan:
      if (count == 1 && !IsInteger(requirement.values[0])) {
        return invalid("values[0]", requirement.values[0],
                       "for 'Gt', 'Lt' operators, the value must be an integer");
      }
      [[fallthrough]];
    default:
      if (count != 1) return invalid("values", "", "exactly one value is required");
  }
  for (size_t i = 0; i < count; ++i) {
    if (Reasons reasons = IsValidLabelValue(requirement.values[i]); !reasons.empty()) {
      return invalid("values[" + std::to_string(i) + "][" + requirement.key + "]",
                     requirement.values[i], Joined(reasons));
    }
  }
  return Ok();
}

void SortUnique(std::vector<std::string>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

// After "in" or "notin". Between two commas, or a comma and a parenthesis, stands an empty value.
Result<std::vector<std::string>> ParseValues(Lexer& lexer) {
  if (!lexer.TakeIf("(")) return Unexpected(lexer, "'('");
  std::vector<std::string> values;
  while (true) {
    values.emplace_back(lexer.NextIsWord() ? lexer.Take().text : std::string_view());
    if (lexer.TakeIf(")")) break;
    if (!lexer.TakeIf(",")) return Unexpected(lexer, "',' or ')'");
  }
  SortUnique(&values);
  return values;
}

struct OperatorRow {
  std::string_view text;
  Operator op;
};
constexpr std::array kOperators = {
    OperatorRow{"=", Operator::kEquals},     OperatorRow{"==", Operator::kEquals},
    OperatorRow{"!=", Operator::kNotEquals}, OperatorRow{">", Operator::kGreaterThan},
    OperatorRow{"<", Operator::kLessThan},   OperatorRow{"in", Operator::kIn},
    OperatorRow{"notin", Operator::kNotIn},
};

Result<Requirement> ParseRequirement(Lexer& lexer) {
  Requirement requirement;
  const bool negated = lexer.TakeIf("!");
  if (!lexer.NextIsWord()) return Unexpected(lexer, "identifier");
  requirement.key = lexer.Take().text;
  if (negated || lexer.NextIsEnd() || lexer.NextIs(",")) {
    requirement.op = negated ? Operator::kDoesNotExist : Operator::kExists;
    return requirement;
  }
  const OperatorRow* found = nullptr;
  for (const OperatorRow& row : kOperators) {
    if (lexer.NextIs(row.text)) found = &row;
  }
  if (found == nullptr) return Unexpected(lexer, "in, notin, =, ==, !=, gt, lt");
  Ignore(lexer.Take(), "the operator, seen already");
  requirement.op = found->op;
  if (found->op == Operator::kIn || found->op == Operator::kNotIn) {
    TRY(requirement.values, ParseValues(lexer));
  } else if (lexer.NextIsEnd() || lexer.NextIs(",")) {
    requirement.values = {""};
  } else if (lexer.NextIsWord()) {
    requirement.values = {std::string(lexer.Take().text)};
  } else {
    return Unexpected(lexer, "identifier");
  }
  return requirement;
}

void SortByKey(std::vector<Requirement>* requirements) {
  std::sort(requirements->begin(), requirements->end(),
            [](const Requirement& a, const Requirement& b) {
              return std::tie(a.key, a.op, a.values) < std::tie(b.key, b.op, b.values);
            });
}

Result<Operator> OperatorNamed(const std::string& name) {
  if (name == "In") return Operator::kIn;
  if (name == "NotIn") return Operator::kNotIn;
  if (name == "Exists") return Operator::kExists;
  if (name == "DoesNotExist") return Operator::kDoesNotExist;
  return MakeError(Reason::kInvalid, "\"" + name + "\" is not a valid label selector operator");
}

}  // namespace

Result<Selector> Selector::Parse(std::string_view text) {
  Selector selector;
  Lexer lexer(text);
  while (!lexer.NextIsEnd()) {
    TRY(Requirement requirement, ParseRequirement(lexer));
    if (auto checked = CheckRequirement(requirement); !checked.ok()) {
      return std::move(checked).error().Wrap("unable to parse requirement");
    }
    selector.requirements_.push_back(std::move(requirement));
    if (lexer.NextIsEnd()) break;
    if (!lexer.TakeIf(",")) return Unexpected(lexer, "',' or 'end of string'");
    if (!lexer.NextIsWord() && !lexer.NextIs("!")) return Unexpected(lexer, "identifier after ','");
  }
  SortByKey(&selector.requirements_);
  return selector;
}

Result<Selector> Selector::FromLabelSelector(const meta::v1::LabelSelector& from) {
  Selector selector;
  for (const auto& [key, value] : from.matchlabels()) {
    selector.requirements_.push_back({.key = key, .op = Operator::kEquals, .values = {value}});
  }
  for (const auto& expression : from.matchexpressions()) {
    Requirement requirement{.key = expression.key()};
    TRY(requirement.op, OperatorNamed(expression.operator_()));
    requirement.values.assign(expression.values().begin(), expression.values().end());
    SortUnique(&requirement.values);
    selector.requirements_.push_back(std::move(requirement));
  }
  for (const Requirement& requirement : selector.requirements_) {
    if (auto checked = CheckRequirement(requirement); !checked.ok()) {
      Error error = std::move(checked).error();
      error.reason = Reason::kInvalid;
      return error;
    }
  }
  SortByKey(&selector.requirements_);
  return selector;
}

}  // namespace wherry::api
