#include <proxy/http/h1_body.hpp>
#include <proxy/http/h1_fields.hpp>
#include <proxy/http/h1_head.hpp>

#include <algorithm>

namespace sandgate::proxy::http {
namespace {

/// What usually follows the data of the only or last chunk.
constexpr std::string_view kUsualEnd = "\r\n0\r\n\r\n";

}  // namespace

struct BodyDecoder::Trailers {
  std::vector<char> block;
  Fields fields;  ///< Views into `block`.
};

void BodyDecoder::TrailersDeleter::operator()(Trailers* trailers) const { delete trailers; }

const Fields& BodyDecoder::trailers() const {
  static const Fields kNone;
  return trailers_ ? trailers_->fields : kNone;
}

BodyDecoder::BodyDecoder(BodyLength length) {
  switch (length.kind) {
    case BodyLength::Kind::none:
      break;
    case BodyLength::Kind::length:
      left_ = length.length;
      if (left_ > 0) stage_ = Stage::length;
      break;
    case BodyLength::Kind::chunked:
      stage_ = Stage::line;
      break;
    case BodyLength::Kind::until_end:
      stage_ = Stage::until_end;
      break;
  }
}

Decoded BodyDecoder::decode(std::string_view input) {
  switch (stage_) {
    case Stage::finished:
      return {Decoded::State::finished, 0, {}};
    case Stage::malformed:
      return {Decoded::State::malformed, 0, {}};
    case Stage::until_end:
      return {Decoded::State::more, input.size(), input};
    case Stage::length:
      return decode_known(input);
    default:
      return decode_chunked(input);
  }
}

Decoded BodyDecoder::decode_known(std::string_view input) {
  const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  left_ -= size;
  if (left_ == 0) stage_ = Stage::finished;
  return {left_ == 0 ? Decoded::State::finished : Decoded::State::more, size, input.substr(0, size)};
}

Decoded BodyDecoder::decode_chunked(std::string_view input) {
  std::size_t used = 0;
  while (used < input.size()) {
    if (stage_ == Stage::data) {
      Decoded data = decode_known(input.substr(used));
      data.used += used;
      data.state = Decoded::State::more;
      if (left_ > 0) return data;
      stage_ = Stage::data_cr;
      if (!input.substr(data.used).starts_with(kUsualEnd)) return data;
      stage_ = Stage::finished;
      return {Decoded::State::finished, data.used + kUsualEnd.size(), data.content};
    }
    if (stage_ == Stage::trailers) {
      used += collect_trailers(input.substr(used));
    } else {
      stage_ = after_framing_byte(input[used]);
      // The first byte of a trailer is taken again, with the rest of the section.
      if (stage_ != Stage::trailers) ++used;
    }
    if (stage_ == Stage::finished) return {Decoded::State::finished, used, {}};
    if (stage_ == Stage::malformed) return {Decoded::State::malformed, used, {}};
  }
  return {Decoded::State::more, used, {}};
}

BodyDecoder::Stage BodyDecoder::after_framing_byte(char byte) {
  switch (stage_) {
    case Stage::line:
      return take_size_line_byte(byte);
    case Stage::data_cr:
      return byte == '\r' ? Stage::data_lf : Stage::malformed;
    case Stage::data_lf:
      return byte == '\n' ? Stage::line : Stage::malformed;
    case Stage::last_cr:
      return byte == '\r' ? Stage::last_lf : Stage::trailers;
    case Stage::last_lf:
      return byte == '\n' ? Stage::finished : Stage::malformed;
    default:
      return Stage::malformed;
  }
}

BodyDecoder::Stage BodyDecoder::take_size_line_byte(char byte) {
  switch (line_.take(byte)) {
    case ChunkLine::State::more:
      return Stage::line;
    case ChunkLine::State::malformed:
      return Stage::malformed;
    case ChunkLine::State::complete:
      break;
  }
  left_ = line_.size();
  return left_ > 0 ? Stage::data : Stage::last_cr;
}

std::size_t BodyDecoder::collect_trailers(std::string_view input) {
  if (!trailers_) trailers_.reset(new Trailers);
  std::vector<char>& block = trailers_->block;
  const std::size_t seen = block.size();
  const std::string_view more = input.substr(0, kMaxTrailerBytes - seen);
  block.insert(block.end(), more.begin(), more.end());
  const HeadEnd end = find_head_end({block.data(), block.size()}, seen);
  if (end.state == HeadEnd::State::complete) {
    block.resize(end.size);
    stage_ = parse_trailers() ? Stage::finished : Stage::malformed;
    return end.size - seen;
  }
  const bool is_full = block.size() == kMaxTrailerBytes;
  if (end.state == HeadEnd::State::malformed || is_full) stage_ = Stage::malformed;
  return more.size();
}

bool BodyDecoder::parse_trailers() {
  Trailers& trailers = *trailers_;
  const auto take = [&trailers](const Field& field) { trailers.fields.add(field.name, field.value); };
  const std::string_view block(trailers.block.data(), trailers.block.size());
  return read_section(block, kMaxTrailerFields, take) == Section::complete;
}

bool BodyDecoder::finish_at_end() {
  if (stage_ == Stage::until_end) stage_ = Stage::finished;
  return stage_ == Stage::finished;
}

}  // namespace sandgate::proxy::http
