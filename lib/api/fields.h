#pragma once

#include "lib/base/result.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::api {

// A field selector: "status.phase=Running,spec.nodeName!=". Source: apimachinery pkg/fields.
class FieldSelector {
 public:
  struct Term {
    std::string field;
    std::string value;
    bool negated = false;
  };

  // Backslash escapes '\', ',' and '=' in values. Which fields a kind supports is its strategy's
  // business. Errors: kBadRequest for a term without an operator or a bad escape.
  static Result<FieldSelector> Parse(std::string_view text);
  static FieldSelector Equals(std::string field, std::string value);

  // `get` is called with a field's name and answers its value as std::string or std::string_view;
  // absent fields are "".
  template <typename Get>
  bool MatchesBy(const Get& get) const {
    for (const Term& term : terms_) {
      if ((get(std::string_view(term.field)) == term.value) == term.negated) return false;
    }
    return true;
  }
  // The value `field` must have; nullopt when it may have any, or several terms ask for different
  // ones.
  std::optional<std::string> RequiresExactMatch(std::string_view field) const;

  bool MatchesEverything() const { return terms_.empty(); }
  const std::vector<Term>& terms() const { return terms_; }
  std::string String() const;

 private:
  std::vector<Term> terms_;
};

}  // namespace wherry::api
