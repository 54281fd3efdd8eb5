#include "nodeagent/lifecycle/expansion.h"

#include <gtest/gtest.h>

namespace wherry::nodeagent::lifecycle {
namespace {

// References are replaced, "$$" escapes, unknown names stay.
TEST(ExpansionTest, Table) {
  const Environment variables{{"A", "1"}, {"B", "$(A)"}, {"EMPTY", ""}};
  struct Case {
    const char* text;
    const char* expanded;
  };
  for (const Case& c :
       {Case{"plain", "plain"}, Case{"$(A)", "1"}, Case{"x$(A)y$(A)", "x1y1"},
        Case{"$$(A)", "$(A)"}, Case{"$$$(A)", "$1"}, Case{"$$$$(A)", "$$(A)"},
        Case{"$(MISSING)", "$(MISSING)"}, Case{"$(A", "$(A"}, Case{"$A", "$A"}, Case{"$", "$"},
        Case{"a$", "a$"}, Case{"$(B)", "$(A)"}, Case{"[$(EMPTY)]", "[]"}, Case{"$()", "$()"}})
    EXPECT_EQ(Expand(c.text, variables), c.expanded) << c.text;
}

TEST(ExpansionTest, NamesWhatIsMissing) {
  std::vector<std::string> missing;
  Expand("$(X)/$(Y)/$(X)", {{"Y", "y"}}, &missing);
  EXPECT_EQ(missing, std::vector<std::string>{"X"});
}

}  // namespace
}  // namespace wherry::nodeagent::lifecycle
