#include "manager/journal/store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <thread>

#include "manager/journal/log.hpp"
#include "totem/base/fd.hpp"
#include "totem/base/files.hpp"

namespace manager {

namespace {

using base::Errc;
using base::Error;
using base::Status;

constexpr std::size_t kCompactAbove = 8u
                                      << 20;  // bytes of journal before it is rewritten with its last record

Status write_all(int fd, base::ByteView bytes, const std::string& path) {
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return base::system_error("cannot write " + path);
        bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
    return base::ok();
}

// Nothing: there is no such file.
base::Result<std::optional<base::Bytes>> read_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) return std::optional<base::Bytes>{};
    if (fd < 0) return base::system_error("cannot open " + path);
    base::Bytes bytes;
    std::uint8_t chunk[65536];
    ssize_t n = 0;
    while ((n = ::read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) break;
        bytes.insert(bytes.end(), chunk, chunk + n);
    }
    ::close(fd);
    if (n < 0) return base::system_error("cannot read " + path);
    return std::optional<base::Bytes>(std::move(bytes));
}

struct Job {
    std::string archive;  // empty: a record for the journal
    base::Bytes payload;
    JournalStore::Done done;
};

}  // namespace

struct JournalStore::Impl {
    std::string directory;
    int fd{-1};
    std::size_t size{0};
    std::optional<Error> broken;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Job> jobs;
    bool stopping{false};
    std::thread writer;

    [[nodiscard]] std::string path() const { return directory + "/journal"; }

    Status reopen() {
        if (fd >= 0) ::close(fd);
        fd = ::open(path().c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
        if (fd < 0) return base::system_error("cannot open " + path());
        return base::ok();
    }

    Status write_record(const base::Bytes& payload) {
        if (broken) return *broken;
        const base::Bytes record = journal_record(payload);
        if (size + record.size() > kCompactAbove) {
            base::Bytes whole = journal_header();
            base::ByteWriter(whole).raw(record);
            TRY_OK(base::replace_file(directory + "/journal", whole));
            size = whole.size();
            return reopen();
        }
        TRY_OK(write_all(fd, record, path()));
        if (::fdatasync(fd) != 0) return base::system_error("cannot make " + path() + " durable");
        size += record.size();
        return base::ok();
    }

    void run() {
        std::unique_lock lock(mutex);
        for (;;) {
            changed.wait(lock, [this] { return stopping || !jobs.empty(); });
            if (jobs.empty()) return;
            Job job = std::move(jobs.front());
            jobs.pop_front();
            lock.unlock();
            Status status = job.archive.empty()
                                ? write_record(job.payload)
                                : base::replace_file(directory + "/" + job.archive, job.payload);
            if (!status && job.archive.empty()) broken = status.error();
            if (job.done) job.done(std::move(status));
            lock.lock();
        }
    }

    void push(Job job) {
        {
            const std::lock_guard lock(mutex);
            jobs.push_back(std::move(job));
        }
        changed.notify_one();
    }
};

JournalStore::JournalStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
    impl_->writer = std::thread([this] { impl_->run(); });
}

JournalStore::~JournalStore() {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->stopping = true;
    }
    impl_->changed.notify_one();
    impl_->writer.join();
    if (impl_->fd >= 0) ::close(impl_->fd);
}

base::Result<JournalStore::Opened> JournalStore::open(const std::string& directory) {
    auto impl = std::make_unique<Impl>();
    impl->directory = directory;
    TRY(const std::optional<base::Bytes> file, read_file(impl->path()));
    Recovered recovered;
    if (file) recovered = recover_journal(*file);
    Opened opened;
    if (!recovered.trouble.empty()) {
        const std::string aside = impl->path() + ".damaged-" + std::to_string(std::time(nullptr));
        if (::rename(impl->path().c_str(), aside.c_str()) != 0)
            return base::system_error("cannot set " + impl->path() + " aside");
        opened.warning = "the journal " + impl->path() + " was damaged (" + recovered.trouble +
                         ") and is kept as " + aside +
                         "; this node has no vote until it has learned the configuration from the others";
        recovered = {};
    }
    if (recovered.valid == 0) {
        const base::Bytes header = journal_header();
        TRY_OK(base::replace_file(directory + "/journal", header));
        recovered.valid = header.size();
    } else if (recovered.torn) {
        if (::truncate(impl->path().c_str(), static_cast<off_t>(recovered.valid)) != 0) {
            return base::system_error("cannot shorten " + impl->path());
        }
    }
    impl->size = recovered.valid;
    TRY_OK(impl->reopen());
    opened.last = std::move(recovered.last);
    opened.store = std::unique_ptr<JournalStore>(new JournalStore(std::move(impl)));
    return opened;
}

void JournalStore::append(base::Bytes payload, Done done) {
    impl_->push({"", std::move(payload), std::move(done)});
}

void JournalStore::archive(std::string name, base::Bytes payload) {
    impl_->push({std::move(name), std::move(payload), {}});
}

}  // namespace manager
