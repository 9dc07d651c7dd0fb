#include <cstdio>

int main() {
    std::fputs("custos: no command is built in yet\n", stderr);
    return 1;
}
