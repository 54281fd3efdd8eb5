// Shows which nodes a pod's node selector and required affinity allow.

#include "lib/api/node_selector.h"

#include "proto/api/core/v1.pb.h"

#include <gtest/gtest.h>

#include <map>

namespace wherry::api {
namespace {

struct Case {
  const char* op;
  std::vector<std::string> values;
  const char* label;  // null: the node does not have it
  bool matches;
};

bool Matches(const Case& each) {
  core::v1::PodSpec spec;
  auto* requirement = spec.mutable_affinity()
                          ->mutable_nodeaffinity()
                          ->mutable_requiredduringschedulingignoredduringexecution()
                          ->add_nodeselectorterms()
                          ->add_matchexpressions();
  requirement->set_key("size");
  requirement->set_operator_(each.op);
  for (const std::string& value : each.values) requirement->add_values(value);
  const std::string name = "n1";
  const std::string label = each.label == nullptr ? "" : each.label;
  return RequiredNodeAffinityMatches(
      spec, {.name = name, .label = [&](const std::string& key) -> const std::string* {
               return key == "size" && each.label != nullptr ? &label : nullptr;
             }});
}

TEST(NodeSelectorTest, Operators) {
  for (const Case& each : std::vector<Case>{{"In", {"5", "6"}, "5", true},
                                            {"In", {"5", "6"}, "7", false},
                                            {"In", {"5"}, nullptr, false},
                                            {"NotIn", {"5"}, "5", false},
                                            {"NotIn", {"5"}, "7", true},
                                            {"NotIn", {"5"}, nullptr, true},
                                            {"Exists", {}, "", true},
                                            {"Exists", {}, nullptr, false},
                                            {"DoesNotExist", {}, nullptr, true},
                                            {"DoesNotExist", {}, "5", false},
                                            {"Gt", {"5"}, "10", true},
                                            {"Gt", {"5"}, "5", false},
                                            {"Gt", {"5"}, "many", false},
                                            {"Gt", {"5"}, nullptr, false},
                                            {"Lt", {"5"}, "-1", true},
                                            {"Lt", {"5"}, "5", false},
                                            {"Near", {"5"}, "5", false}}) {
    EXPECT_EQ(Matches(each), each.matches)
        << each.op << " " << (each.label == nullptr ? "no label" : each.label);
  }
}

TEST(NodeSelectorTest, TermsAreAlternativesAndAnEmptyOneHoldsNowhere) {
  const std::string name = "n1";
  const NodeToSelect node{.name = name, .label = [](const std::string&) { return nullptr; }};
  core::v1::PodSpec spec;
  EXPECT_TRUE(RequiredNodeAffinityMatches(spec, node));
  auto* required = spec.mutable_affinity()
                       ->mutable_nodeaffinity()
                       ->mutable_requiredduringschedulingignoredduringexecution();
  required->add_nodeselectorterms();
  EXPECT_FALSE(RequiredNodeAffinityMatches(spec, node));
  auto* field = required->add_nodeselectorterms()->add_matchfields();
  field->set_key("metadata.name");
  field->set_operator_("In");
  field->add_values("n1");
  EXPECT_TRUE(RequiredNodeAffinityMatches(spec, node));
  (*spec.mutable_nodeselector())["disk"] = "ssd";
  EXPECT_FALSE(RequiredNodeAffinityMatches(spec, node)) << "both must hold";
}

}  // namespace
}  // namespace wherry::api
