// What this test program does when guard starts it in a role.
#pragma once

#include <string>
#include <vector>

// The core, remote-controlled: connects to the socket named by --control=PATH and obeys its lines.
//   start|stop|monitor ID RING IP   an operation of a native address; answered "result ID CODE REASON"
//   watch ID IP                     a recurring monitor, every 10 ms
//   ready | announce RING | garbage | exit CODE | abort | hang
// It begins with "hello PID UID RESTARTS ROOT KEY" and says "term" and "hup" for signals; on SIGTERM it exits
// 0 unless it was told to hang.
int run_fake_core(const std::vector<std::string>& arguments);
int run_fake_runner();
