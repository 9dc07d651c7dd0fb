#include "tools/groups/frames.hpp"

#include <algorithm>

#include "totem/base/check.hpp"

namespace tools::frames {

namespace {

enum class Kind : std::uint8_t {
    hello = 1,
    list,
    join,
    leave,
    send,
    goodbye,
    welcome = 64,
    credits,
    view,
    message,
    ring,
    refused,
    end,
    groups
};
constexpr std::uint8_t kFlag = 1;
constexpr std::size_t kMemberSize = 24, kChangeSize = kMemberSize + 1, kNodeSize = 12;
constexpr std::size_t kMaxText = 4096;

// A frame that is being written; its length is filled in at the end.
class Frame {
  public:
    explicit Frame(Kind kind, std::size_t room = 64) : writer(bytes_) {
        bytes_.reserve(room);
        writer.u32(0);
        writer.u8(static_cast<std::uint8_t>(kind));
    }
    // `more`: bytes that follow from elsewhere.
    base::Bytes done(std::size_t more = 0) {
        const std::size_t length = bytes_.size() - kHeader + more;
        for (std::size_t i = 0; i < kHeader; ++i) bytes_[i] = static_cast<std::uint8_t>(length >> (8 * i));
        return std::move(bytes_);
    }
    void name(const std::string& name) {
        ASSERT(is_name(name));
        writer.u8(static_cast<std::uint8_t>(name.size()));
        writer.raw(base::as_bytes(name));
    }
    void text(const std::string& text) { writer.text(text.substr(0, kMaxText)); }
    void flag(bool set) { writer.u8(set ? kFlag : 0); }
    void member(const Member& m) {
        writer.u32(m.node);
        writer.u64(m.incarnation);
        writer.u64(m.client);
        writer.u32(m.pid);
    }
    void place(const Place& p) {
        writer.u64(p.ring);
        writer.u32(p.representative);
        writer.u64(p.digest);
        writer.u64(p.seq);
    }
    void members(const std::vector<Member>& members) {
        writer.u32(static_cast<std::uint32_t>(members.size()));
        for (const Member& m : members) member(m);
    }
    void changes(const std::vector<Change>& changes) {
        writer.u32(static_cast<std::uint32_t>(changes.size()));
        for (const Change& c : changes) {
            member(c.who);
            writer.u8(c.why);
        }
    }

  private:
    base::Bytes bytes_;

  public:
    base::ByteWriter writer;
};

// A body that is being read: wrong once anything was.
class Body {
  public:
    explicit Body(base::ByteView body) : reader(body) {}
    base::ByteReader reader;

    std::string name() {
        std::string name(base::as_text(reader.raw(reader.u8())));
        wrong_ = wrong_ || !is_name(name);
        return name;
    }
    std::string text() {
        std::string text = reader.text();
        wrong_ = wrong_ || text.size() > kMaxText;
        return text;
    }
    bool flag() {
        const std::uint8_t flags = reader.u8();
        wrong_ = wrong_ || flags > kFlag;
        return flags == kFlag;
    }
    Member member() {
        Member m;
        m.node = reader.u32();
        m.incarnation = reader.u64();
        m.client = reader.u64();
        m.pid = reader.u32();
        return m;
    }
    Place place() {
        Place p;
        p.ring = reader.u64();
        p.representative = reader.u32();
        p.digest = reader.u64();
        p.seq = reader.u64();
        return p;
    }
    // How many things of that size follow; none, if there is no room for them.
    std::size_t count(std::size_t size) {
        const std::size_t count = reader.u32();
        if (count <= reader.left() / size) return count;
        wrong_ = true;
        return 0;
    }
    std::vector<Member> members() {
        std::vector<Member> members(count(kMemberSize));
        for (Member& m : members) m = member();
        return members;
    }
    std::vector<Change> changes() {
        std::vector<Change> changes(count(kChangeSize));
        for (Change& c : changes) {
            c.who = member();
            c.why = reader.u8();
        }
        return changes;
    }
    base::ByteView payload() {
        const base::ByteView bytes = reader.raw(reader.left());
        wrong_ = wrong_ || bytes.size() > kMaxMessage;
        return bytes;
    }
    [[nodiscard]] bool done() const { return !wrong_ && reader.done(); }

  private:
    bool wrong_{false};
};

struct Encode {
    base::Bytes operator()(const Hello& hello) const {
        Frame frame(Kind::hello);
        frame.writer.u16(hello.version);
        frame.flag(hello.ring_views);
        return frame.done();
    }
    base::Bytes operator()(const List& list) const {
        Frame frame(Kind::list);
        frame.writer.u16(list.version);
        return frame.done();
    }
    base::Bytes operator()(const Join& join) const {
        Frame frame(Kind::join, 256);
        frame.name(join.group);
        return frame.done();
    }
    base::Bytes operator()(const Leave& leave) const {
        Frame frame(Kind::leave, 256);
        frame.name(leave.group);
        return frame.done();
    }
    base::Bytes operator()(const Send& send) const { return whole(send); }
    base::Bytes operator()(const Goodbye& /*goodbye*/) const { return Frame(Kind::goodbye).done(); }
    base::Bytes operator()(const Welcome& welcome) const {
        Frame frame(Kind::welcome);
        frame.writer.u16(welcome.version);
        frame.member(welcome.self);
        frame.writer.u32(welcome.max_groups);
        return frame.done();
    }
    base::Bytes operator()(const Credits& credits) const {
        Frame frame(Kind::credits);
        frame.writer.u64(credits.bytes);
        frame.writer.u32(credits.messages);
        return frame.done();
    }
    base::Bytes operator()(const View& view) const {
        Frame frame(Kind::view,
                    256 + kChangeSize * (view.members.size() + view.left.size() + view.joined.size()));
        frame.name(view.group);
        frame.place(view.place);
        frame.flag(view.transitional);
        frame.members(view.members);
        frame.changes(view.left);
        frame.changes(view.joined);
        return frame.done();
    }
    base::Bytes operator()(const Message& message) const { return whole(message); }
    base::Bytes operator()(const Ring& ring) const {
        Frame frame(Kind::ring, 256);
        frame.place(ring.place);
        frame.writer.u32(static_cast<std::uint32_t>(ring.members.size()));
        for (const Ring::Node& node : ring.members) {
            frame.writer.u32(node.node);
            frame.writer.u64(node.incarnation);
        }
        return frame.done();
    }
    base::Bytes operator()(const Refused& refused) const {
        Frame frame(Kind::refused, 256);
        frame.name(refused.group);
        frame.text(refused.why);
        return frame.done();
    }
    base::Bytes operator()(const End& end) const {
        Frame frame(Kind::end, 256);
        frame.text(end.why);
        return frame.done();
    }
    base::Bytes operator()(const Groups& groups) const {
        Frame frame(Kind::groups, 4096);
        frame.writer.u32(static_cast<std::uint32_t>(groups.groups.size()));
        for (const Groups::Group& group : groups.groups) {
            frame.name(group.name);
            frame.members(group.members);
        }
        return frame.done();
    }

  private:
    template <typename T>
    static base::Bytes whole(const T& message) {
        base::Bytes bytes = encode_head(message, message.payload.size());
        base::ByteWriter(bytes).raw(message.payload);
        return bytes;
    }
};

template <typename Variant, typename T>
std::optional<Variant> checked(const Body& in, T value) {
    return in.done() ? std::optional<Variant>(std::move(value)) : std::nullopt;
}

Groups read_groups(Body& in) {
    Groups groups;
    groups.groups.resize(in.count(2 + 4));  // a name and a number of members, at least
    for (Groups::Group& group : groups.groups) {
        group.name = in.name();
        group.members = in.members();
    }
    return groups;
}

Ring read_ring(Body& in) {
    Ring ring;
    ring.place = in.place();
    ring.members.resize(in.count(kNodeSize));
    for (Ring::Node& node : ring.members) {
        node.node = in.reader.u32();
        node.incarnation = in.reader.u64();
    }
    return ring;
}

View read_view(Body& in) {
    View view;
    view.group = in.name();
    view.place = in.place();
    view.transitional = in.flag();
    view.members = in.members();
    view.left = in.changes();
    view.joined = in.changes();
    return view;
}

Message read_message(Body& in) {
    Message message;
    message.group = in.name();
    message.sender = in.member();
    message.place = in.place();
    message.transitional = in.flag();
    message.payload = in.payload();
    return message;
}

}  // namespace

base::Bytes encode(const Request& request) {
    return std::visit(Encode{}, request);
}
base::Bytes encode(const Reply& reply) {
    return std::visit(Encode{}, reply);
}

base::Bytes encode_head(const Message& message, std::size_t payload) {
    Frame frame(Kind::message, 256);
    frame.name(message.group);
    frame.member(message.sender);
    frame.place(message.place);
    frame.flag(message.transitional);
    return frame.done(payload);
}

base::Bytes encode_head(const Send& send, std::size_t payload) {
    Frame frame(Kind::send, 256);
    frame.flag(send.safe);
    frame.name(send.group);
    return frame.done(payload);
}

std::uint32_t length_of(base::ByteView header) {
    return base::ByteReader(header).u32();
}

std::optional<Request> decode_request(base::ByteView body) {
    Body in(body);
    const auto kind = static_cast<Kind>(in.reader.u8());
    if (kind == Kind::hello) {
        const std::uint16_t version = in.reader.u16();
        return checked<Request>(in, Hello{version, in.flag()});
    }
    if (kind == Kind::list) return checked<Request>(in, List{in.reader.u16()});
    if (kind == Kind::join) return checked<Request>(in, Join{in.name()});
    if (kind == Kind::leave) return checked<Request>(in, Leave{in.name()});
    if (kind == Kind::goodbye) return checked<Request>(in, Goodbye{});
    if (kind != Kind::send) return std::nullopt;
    Send send;
    send.safe = in.flag();
    send.group = in.name();
    send.payload = in.payload();
    return checked<Request>(in, std::move(send));
}

std::optional<Reply> decode_reply(base::ByteView body) {
    Body in(body);
    const auto kind = static_cast<Kind>(in.reader.u8());
    if (kind == Kind::welcome) {
        Welcome welcome;
        welcome.version = in.reader.u16();
        welcome.self = in.member();
        welcome.max_groups = in.reader.u32();
        return checked<Reply>(in, welcome);
    }
    if (kind == Kind::credits) {
        const std::uint64_t bytes = in.reader.u64();
        return checked<Reply>(in, Credits{bytes, in.reader.u32()});
    }
    if (kind == Kind::view) {
        View view = read_view(in);
        return checked<Reply>(in, std::move(view));
    }
    if (kind == Kind::message) {
        Message message = read_message(in);
        return checked<Reply>(in, std::move(message));
    }
    if (kind == Kind::ring) {
        Ring ring = read_ring(in);
        return checked<Reply>(in, std::move(ring));
    }
    if (kind == Kind::refused) {
        std::string group = in.name();
        return checked<Reply>(in, Refused{std::move(group), in.text()});
    }
    if (kind == Kind::end) return checked<Reply>(in, End{in.text()});
    if (kind != Kind::groups) return std::nullopt;
    Groups groups = read_groups(in);
    return checked<Reply>(in, std::move(groups));
}

}  // namespace tools::frames
