#include "apiserver/endpoints/html_links.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::endpoints {
namespace {

const LinkBase kBase{.prefix = "/p", .authority = "10.0.0.9:80", .host = "api:6443"};

std::string Rewritten(std::string_view page, size_t piece = std::string_view::npos) {
  HtmlLinks links(kBase);
  std::string out;
  for (size_t at = 0; at < page.size(); at += std::min(piece, page.size())) {
    out += links.Feed(page.substr(at, piece));
  }
  return out + links.Finish();
}

// Only what leads to the page's own server is led through the proxy.
TEST(ProxiedLink, LeadsBackWhatIsOfTheSameServer) {
  EXPECT_EQ(ProxiedLink("/a?b=/c#d", kBase), "/p/a?b=/c#d");
  EXPECT_EQ(ProxiedLink("http://10.0.0.9:80/a", kBase), "/p/a");
  EXPECT_EQ(ProxiedLink("//10.0.0.9:80/a", kBase), "/p/a");
  EXPECT_EQ(ProxiedLink("http://api:6443/a", kBase), "http://api:6443/p/a");
  EXPECT_EQ(ProxiedLink("/p/a", kBase), "/p/a") << "it knows already";
  for (const char* same : {"", "a/b", "../a", "#top", "?x=/y", "http://other/a", "//other/a",
                           "javascript:x", "http://10.0.0.9/a", "http:"}) {
    EXPECT_EQ(ProxiedLink(same, kBase), same);
  }
}

TEST(HtmlLinks, RewritesAttributesThatHoldLinks) {
  EXPECT_EQ(Rewritten("<a href=\"/x\">/x</a>"), "<a href=\"/p/x\">/x</a>");
  EXPECT_EQ(Rewritten("<IMG alt='/a' SRC='/x' longdesc=/y/>"),
            "<IMG alt='/a' SRC='/p/x' longdesc=/p/y/>");
  EXPECT_EQ(Rewritten("<form action = /x method=post><input value=\"/x\">"),
            "<form action = /p/x method=post><input value=\"/x\">");
  EXPECT_EQ(Rewritten("<p href=\"/x\">1 < 2</p>"), "<p href=\"/x\">1 < 2</p>");
  EXPECT_EQ(Rewritten("<a title=\"a > b\" href='/x'>"), "<a title=\"a > b\" href='/p/x'>");
}

TEST(HtmlLinks, LeavesScriptsAndCommentsAlone) {
  for (const char* same : {"<!-- <a href=\"/x\"> -->", "<script>'<a href=\"/x\">'</script>",
                           "<style><a href=\"/x\"></STYLE>", "</a href=\"/x\">", "<!doctype html>",
                           "<a", "<", "<!-", "a < b"}) {
    EXPECT_EQ(Rewritten(same), same);
  }
  EXPECT_EQ(Rewritten("<script src=/x>\"</scrip\"</script><a href=/y>"),
            "<script src=/p/x>\"</scrip\"</script><a href=/p/y>");
}

// Where the network cuts a page makes no difference.
TEST(HtmlLinks, PiecesGiveTheSame) {
  const std::string page =
      "<html><!-- <a href='/c'> --><script>x='</'</script><a class=b href=\"/d\">e</a><img src=/f>";
  const std::string whole = Rewritten(page);
  EXPECT_NE(whole.find("\"/p/d\""), std::string::npos);
  for (size_t piece = 1; piece < page.size(); ++piece) {
    EXPECT_EQ(Rewritten(page, piece), whole) << piece;
  }
}

// A tag that does not end is not waited for, nor looked for again and again.
TEST(HtmlLinks, EndlessTagPasses) {
  std::string page = "<b>";
  while (page.size() < 400'000) page += "<a x=\"";
  HtmlLinks links(kBase);
  std::string out = links.Feed(page);
  EXPECT_EQ(out, page);
  EXPECT_EQ(links.Feed("<a href=\"/x\">"), "<a href=\"/x\">");
}

}  // namespace
}  // namespace wherry::apiserver::endpoints
