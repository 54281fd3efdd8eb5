#pragma once

#include "lib/json/json.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace google::protobuf {
class Message;
}
namespace wherry::api::meta::v1 {
class LabelSelector;
}

namespace wherry::api {

using LabelMap = std::map<std::string, std::string, std::less<>>;

// A label selector: requirements that must all hold. Source: apimachinery pkg/labels.
class Selector {
 public:
  enum class Operator {
    kIn,
    kNotIn,
    kExists,
    kDoesNotExist,
    kEquals,
    kNotEquals,
    kGreaterThan,
    kLessThan
  };
  struct Requirement {
    std::string key;
    Operator op = Operator::kExists;
    std::vector<std::string> values;  // sorted; one for the last four operators

    bool Matches(std::optional<std::string_view> value) const;
    std::string String() const;
  };

  // Matches everything.
  Selector() = default;
  static Selector Nothing();
  // All pairs must be equal.
  static Selector FromMap(const LabelMap& labels);
  // "a=b,c!=d,e in (x,y),!f,g,h>3".
  // Errors: kBadRequest naming what was expected where, or an invalid key or value.
  static Result<Selector> Parse(std::string_view text);
  // An empty LabelSelector matches everything (a null one nothing: that is the caller's to see).
  // Errors: kInvalid for an unknown operator, or values that do not fit it.
  static Result<Selector> FromLabelSelector(const meta::v1::LabelSelector& selector);

  // `get` is called with a key and answers std::optional<std::string_view>.
  template <typename Get>
  bool MatchesBy(const Get& get) const {
    if (nothing_) return false;
    for (const Requirement& requirement : requirements_) {
      if (!requirement.Matches(get(std::string_view(requirement.key)))) return false;
    }
    return true;
  }
  bool Matches(const LabelMap& labels) const;
  // By the metadata.labels of any kind.
  bool Matches(const google::protobuf::Message& object) const;

  bool MatchesEverything() const { return !nothing_ && requirements_.empty(); }
  bool MatchesNothing() const { return nothing_; }
  const std::vector<Requirement>& requirements() const { return requirements_; }
  // Canonical text, requirements sorted by key; Parse gives the same selector.
  std::string String() const;

 private:
  bool nothing_ = false;
  std::vector<Requirement> requirements_;
};

}  // namespace wherry::api
