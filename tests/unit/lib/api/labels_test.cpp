#include "lib/api/labels.h"

#include "lib/api/fields.h"
#include "proto/api/meta/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::api {
namespace {

TEST(Selector, ParseAndCanonicalText) {
  struct Row {
    const char* text;
    const char* canonical;
  };
  const Row rows[] = {
      {"", ""},
      {"x=a,y=b", "x=a,y=b"},
      {"y == b , x!=a", "x!=a,y=b"},
      {"x in (b,a,b),z", "x in (a,b),z"},
      {"!z", "!z"},
      {"x notin (a)", "x notin (a)"},
      {"x=", "x="},
      {"x=,y", "x=,y"},
      {"x in ()", "x in ()"},
      {"x in (,)", "x in ()"},
      {"x in (a,)", "x in (,a)"},
      {"in=notin", "in=notin"},
      {"x>3,x<9", "x>3,x<9"},
      {"example.com/app in (web)", "example.com/app in (web)"},
  };
  for (const Row& row : rows) {
    auto selector = Selector::Parse(row.text);
    ASSERT_TRUE(selector.ok()) << row.text << ": " << selector.error().message;
    EXPECT_EQ(selector->String(), row.canonical) << row.text;
  }
}

TEST(Selector, RefusesBadText) {
  for (const char* text :
       {"x=a||y=b", "x==a==b", "!x=a", "x<a", "x in", "x in (a", "x in a", "(x)", ",x", "x,", "x y",
        "=a", "x=-bad", "-x=a", "x in (a b)", "a/b/c=d", "x!", "!", "x=a,,y=b"}) {
    auto selector = Selector::Parse(text);
    ASSERT_FALSE(selector.ok()) << text;
    EXPECT_EQ(selector.error().reason, Reason::kBadRequest) << text;
  }
}

TEST(Selector, Matches) {
  const LabelMap labels = {{"app", "web"}, {"n", "5"}, {"empty", ""}};
  struct Row {
    const char* text;
    bool matches;
  };
  const Row rows[] = {
      {"", true},
      {"app=web", true},
      {"app=db", false},
      {"app!=db", true},
      {"other!=db", true},
      {"app in (db,web)", true},
      {"app notin (db,web)", false},
      {"x notin (a)", true},
      {"app", true},
      {"!app", false},
      {"!other", true},
      {"n>4", true},
      {"n>5", false},
      {"n<6", true},
      {"app>1", false},
      {"empty=", true},
      {"empty", true},
      {"other=", false},
      {"app=web,n=5", true},
      {"app=web,n=6", false},
  };
  for (const Row& row : rows)
    EXPECT_EQ(Selector::Parse(row.text)->Matches(labels), row.matches) << row.text;
  EXPECT_FALSE(Selector::Nothing().Matches(labels));
  EXPECT_TRUE(Selector::FromMap({{"app", "web"}}).Matches(labels));
}

TEST(Selector, FromLabelSelector) {
  meta::v1::LabelSelector from;
  EXPECT_TRUE(Selector::FromLabelSelector(from)->MatchesEverything());
  (*from.mutable_matchlabels())["app"] = "web";
  auto* expression = from.add_matchexpressions();
  expression->set_key("tier");
  expression->set_operator_("NotIn");
  expression->add_values("b");
  expression->add_values("a");
  EXPECT_EQ(Selector::FromLabelSelector(from)->String(), "app=web,tier notin (a,b)");
  expression->set_operator_("Gt");
  EXPECT_EQ(Selector::FromLabelSelector(from).error().message,
            "\"Gt\" is not a valid label selector operator");
  expression->set_operator_("Exists");
  EXPECT_EQ(Selector::FromLabelSelector(from).error().reason, Reason::kInvalid);
}

TEST(FieldSelector, ParseMatchPrint) {
  auto selector =
      FieldSelector::Parse("status.phase!=Running,spec.nodeName=n1,metadata.name==a\\,b\\=c");
  ASSERT_TRUE(selector.ok());
  EXPECT_EQ(selector->String(), "metadata.name=a\\,b\\=c,spec.nodeName=n1,status.phase!=Running");
  EXPECT_EQ(selector->RequiresExactMatch("spec.nodeName"), "n1");
  EXPECT_EQ(selector->RequiresExactMatch("status.phase"), std::nullopt);
  auto object = [](std::string_view phase) {
    return [phase](std::string_view field) -> std::string_view {
      if (field == "metadata.name") return "a,b=c";
      if (field == "spec.nodeName") return "n1";
      return phase;
    };
  };
  EXPECT_TRUE(selector->MatchesBy(object("Pending")));
  EXPECT_FALSE(selector->MatchesBy(object("Running")));
  EXPECT_TRUE(FieldSelector::Parse("")->MatchesEverything());
  EXPECT_EQ(FieldSelector::Parse("spec.nodeName=")->terms().at(0).value, "");
}

TEST(FieldSelector, RefusesBadText) {
  for (const char* text : {"a", "a!b", "a=b=c", "a=b\\", "a=b\\x", "!a=b"}) {
    EXPECT_FALSE(FieldSelector::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace wherry::api
