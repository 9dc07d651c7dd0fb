#include "agents/ocf/metadata.hpp"

#include "scratch.hpp"

using agents::Metadata;
using agents::parse_metadata;

TEST_CASE("parameters and actions of a description") {
    const auto parsed = parse_metadata(R"(<?xml version="1.0"?>
<!DOCTYPE resource-agent SYSTEM "ra-api-1.dtd">
<resource-agent name="thing" version="0.9"><version>1.1</version>
<longdesc lang="en">
 A   thing
 &amp; more
</longdesc><shortdesc>Thing</shortdesc>
<parameters>
<parameter name="config" unique="1" required="1"><shortdesc>File</shortdesc><content type="string"/></parameter>
<parameter name="mode" required="0"><content type="select" default="a"><option value="a"/><option value="b"/></content></parameter>
<parameter name="old" deprecated="1"><content type="boolean" default=""/></parameter>
</parameters>
<actions><action name="start" timeout="60s"/><action name="monitor" timeout="20" interval="10" depth="0" role="Promoted"/></actions>
</resource-agent>)");
    REQUIRE(parsed);
    CHECK(parsed->name == "thing");
    CHECK(parsed->version == "1.1");
    CHECK(parsed->long_text == "A thing & more");
    REQUIRE(parsed->parameters.size() == 3);
    CHECK(parsed->parameter("config")->required);
    CHECK(parsed->parameter("config")->unique);
    CHECK_FALSE(parsed->parameter("config")->default_value);
    CHECK(parsed->parameter("mode")->choices == std::vector<std::string>{"a", "b"});
    CHECK(*parsed->parameter("mode")->default_value == "a");
    CHECK(parsed->parameter("old")->deprecated);
    CHECK(*parsed->parameter("old")->default_value == "");
    CHECK(parsed->parameter("none") == nullptr);
    CHECK(parsed->action("monitor")->role == "Promoted");
    CHECK(parsed->action("start")->timeout == "60s");
}

TEST_CASE("text before the XML, a missing declaration and a missing end are survived") {
    CHECK(parse_metadata("WARNING: no hostname\n<resource-agent name=\"x\"><actions/></resource-agent>")
              ->name == "x");
    const auto half =
        parse_metadata("<resource-agent name=\"x\"><parameters><parameter name=\"a\"/></parameters><act");
    REQUIRE(half);
    CHECK(half->parameters.size() == 1);
}

TEST_CASE("what is no description at all is an error") {
    for (const char* text : {"", "usage: thing start|stop", "<html></html>", "<?xml version=\"1.0\"?>"}) {
        CHECK_MESSAGE(!parse_metadata(text), text);
    }
}

TEST_CASE("a description is read by running the agent, and again only when its file changed") {
    const Scratch scratch;
    const std::string count = (scratch.path() / "count").string();
    const auto script = [&](const std::string& name) {
        return "#!/bin/sh\necho x >>" + count + "\n[ \"$1\" = meta-data ] || exit 3\n" +
               "echo '<resource-agent name=\"" + name + "\"/>'\n";
    };
    scratch.write("ocf/p/thing", script("one"));
    agents::AgentDirectories directories;
    directories.ocf = {scratch.path() / "ocf"};
    agents::MetadataReader reader(directories);
    CHECK(reader.read({"ocf", "p", "thing"})->name == "one");
    CHECK(reader.read({"ocf", "p", "thing"})->name == "one");
    CHECK(scratch.read("count") == "x\n");
    scratch.write("ocf/p/thing", script("another"));
    CHECK(reader.read({"ocf", "p", "thing"})->name == "another");
    CHECK(reader.read({"ocf", "p", "nothing"}).error().code == base::Errc::not_found);
    scratch.write("ocf/p/mute", "#!/bin/sh\nexit 0\n");
    const auto mute = reader.read({"ocf", "p", "mute"});
    REQUIRE_FALSE(mute);
    CHECK(mute.error().message.find("ocf/p/mute: ") != std::string::npos);
}

TEST_CASE(
    "the native address agent describes every parameter that it understands, with or without the script") {
    agents::AgentDirectories none;
    agents::MetadataReader reader(none);
    const auto native = reader.read({"ocf", "heartbeat", "IPaddr2"});
    REQUIRE(native);
    CHECK(native->parameter("ip")->required);
    CHECK(native->parameter("persist_nonlocal_bind") != nullptr);
    CHECK_FALSE(reader.read({"ocf", "heartbeat", "IPaddr2"}, {{"custos-agent", "script"}}));
}

TEST_CASE(
    "Debian's agents: every description in the heartbeat directory is readable, and IPaddr2's names are all "
    "ours") {
    const auto directories = agents::default_directories(SOURCE_AGENTS);
    const auto native = agents::native_address_metadata();
    agents::MetadataReader reader(directories);
    REQUIRE_MESSAGE(agents::find_agent(directories, {"ocf", "heartbeat", "IPaddr2"}),
                    "install resource-agents (tools/setup does)");
    const auto script = reader.read({"ocf", "heartbeat", "IPaddr2"}, {{"custos-agent", "script"}});
    REQUIRE(script);
    for (const auto& p : script->parameters) CHECK_MESSAGE(native.parameter(p.name) != nullptr, p.name);
    for (const char* type : {"Dummy", "apache", "nginx", "Filesystem", "pgsql"}) {
        const auto metadata = reader.read({"ocf", "heartbeat", type});
        REQUIRE_MESSAGE(metadata, type);
        CHECK(metadata->name == type);
        CHECK(metadata->action("start") != nullptr);
    }
}
