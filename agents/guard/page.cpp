#include "agents/guard/page.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <new>

#include "totem/base/fd.hpp"

namespace agents {

using membership::LeasePage;
using membership::LeaseView;

void LeasePageFile::Unmap::operator()(LeasePage* page) const {
    ::munmap(page, sizeof(LeasePage));
}

base::Result<LeasePageFile> LeasePageFile::create(const std::string& path) {
    // The directory is the core's, which has fewer rights: never through a link, never into a file of its.
    ::unlink(path.c_str());
    const base::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!fd.valid() || ::fchmod(fd.get(), 0644) != 0 || ::ftruncate(fd.get(), sizeof(LeasePage)) != 0)
        return base::system_error("cannot make " + path);
    void* const at = ::mmap(nullptr, sizeof(LeasePage), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (at == MAP_FAILED) return base::system_error("cannot map " + path);
    return LeasePageFile(new (at) LeasePage);
}

void LeasePageFile::publish(const LeaseView& view) {
    if (view == written_) return;
    written_ = view;
    membership::publish(*page_, view);
}

std::optional<LeaseView> read_lease_page(const std::string& path) {
    const base::Fd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!fd.valid() || ::fstat(fd.get(), &info) != 0 ||
        info.st_size < static_cast<off_t>(sizeof(LeasePage))) {
        return {};
    }
    void* const at = ::mmap(nullptr, sizeof(LeasePage), PROT_READ, MAP_SHARED, fd.get(), 0);
    if (at == MAP_FAILED) return {};
    const auto view = membership::look(*static_cast<const LeasePage*>(at));
    ::munmap(at, sizeof(LeasePage));
    return view;
}

}  // namespace agents
