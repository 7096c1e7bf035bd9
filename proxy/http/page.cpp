#include <proxy/http/h1_write.hpp>
#include <proxy/http/page.hpp>

namespace sandgate::proxy::http {
namespace {

// The policies below hold the hashes of these two texts, byte for byte; a unit test says what to put there.
constexpr std::string_view kStyle = R"(
:root{--ground:#faf9f7;--ink:#1d1c1a;--soft:#66625b;--line:#e3dfd7;--mark:#a8431b}
@media(prefers-color-scheme:dark){
:root{--ground:#171614;--ink:#edebe6;--soft:#a5a097;--line:#37342f;--mark:#ec9169}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--ground);color:var(--ink);
font:1.0625rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{width:min(38rem,100%);padding:3rem 1.75rem}
p{margin:0}
.status{color:var(--mark);font-weight:600;font-size:.9375rem;letter-spacing:.02em}
h1{margin:.35rem 0 .9rem;font-size:clamp(1.65rem,1.2rem + 2.2vw,2.25rem);line-height:1.2;font-weight:650;
letter-spacing:-.018em;text-wrap:balance}
.advice{max-width:34rem;text-wrap:pretty}
.watch{display:flex;align-items:center;gap:.6rem;margin-top:1.1rem;color:var(--soft);font-size:.9375rem}
.watch::before{content:"";flex:none;width:.5rem;height:.5rem;border-radius:50%;background:var(--mark);
animation:breathe 2.4s ease-in-out infinite}
@keyframes breathe{50%{opacity:.2}}
@media(prefers-reduced-motion:reduce){.watch::before{animation:none}}
dl{margin:2.25rem 0 0;padding-top:1.1rem;border-top:1px solid var(--line);display:grid;
grid-template-columns:max-content 1fr;gap:.3rem 1.75rem;align-items:baseline;font-size:.875rem}
dt{color:var(--soft)}
dd{margin:0;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.8125rem;
line-height:1.7;overflow-wrap:anywhere}
)";

// HEAD, so that looking costs the service nothing; a redirect or an error of its own is an answer too.
constexpr std::string_view kScript = R"(
(()=>{
const later=()=>setTimeout(look,2500);
const look=async()=>{
if(document.visibilityState==="visible"){
try{
const answer=await fetch(location.href,{method:"HEAD",cache:"no-store",redirect:"manual"});
if(answer.headers.get("x-sandgate-reason")!=="port_closed")return location.reload();
}catch{}
}
later();
};
later();
})();
)";

constexpr std::string_view kPolicy =
    "default-src 'none'; style-src 'sha256-gWKJqwzxkK1YOGFYqDWZFVDLRLgD9B6g98CV3TfExGw='; "
    "base-uri 'none'; form-action 'none'";
constexpr std::string_view kWatchingPolicy =
    "default-src 'none'; style-src 'sha256-gWKJqwzxkK1YOGFYqDWZFVDLRLgD9B6g98CV3TfExGw='; "
    "script-src 'sha256-hRsSew1acfAjjPg29HjBGPIfjipQP9wIH7WZ6T1D8nQ='; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'";

void append_escaped(std::pmr::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out.append("&amp;");
        break;
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '"':
        out.append("&quot;");
        break;
      case '\'':
        out.append("&#39;");
        break;
      default:
        out.push_back(c);
    }
  }
}

void append_element(std::pmr::string& out, std::string_view opening, std::string_view text, std::string_view closing) {
  out.append(opening);
  append_escaped(out, text);
  out.append(closing);
}

void append_fact(std::pmr::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  append_element(out, "<dt>", name, "</dt>");
  append_element(out, "<dd>", value, "</dd>\n");
}

void append_head(std::pmr::string& out, const Page& page) {
  out.append(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n");
  if (page.watches) out.append("<noscript><meta http-equiv=\"refresh\" content=\"5\"></noscript>\n");
  append_element(out, "<title>", page.title, "</title>\n");
  out.append("<style>").append(kStyle).append("</style>\n</head>\n");
}

void append_facts(std::pmr::string& out, const Page& page) {
  out.append("<dl>\n");
  append_fact(out, "Sandbox", page.sandbox_id);
  append_fact(out, "Port", page.port == 0 ? std::string() : std::to_string(page.port));
  append_fact(out, "Path", page.path);
  append_fact(out, "Reason", page.reason);
  append_fact(out, "Request", page.request_id);
  out.append("</dl>\n");
}

}  // namespace

void append_page(std::pmr::string& out, const Page& page) {
  append_head(out, page);
  out.append("<body>\n<main>\n<p class=\"status\">");
  write_number(out, page.status);
  append_element(out, " ", reason_phrase(page.status), "</p>\n");
  append_element(out, "<h1>", page.title, "</h1>\n");
  append_element(out, "<p class=\"advice\">", page.advice, "</p>\n");
  if (page.watches) out.append("<p class=\"watch\">Looking again every few seconds while this page is in view.</p>\n");
  append_facts(out, page);
  out.append("</main>\n");
  if (page.watches) out.append("<script>").append(kScript).append("</script>\n");
  out.append("</body>\n</html>\n");
}

std::string_view content_security_policy(const Page& page) { return page.watches ? kWatchingPolicy : kPolicy; }

}  // namespace sandgate::proxy::http
