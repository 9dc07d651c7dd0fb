"""webserver.py ADDRESS PORT NAME: serves one page that says who served it. Binds the address whether it is here or not.

Each connection has a thread: one whose client was cut off by a move of the address must not keep the others waiting.
"""
import socketserver
import sys


class Page(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            self.request.settimeout(1)
            if self.request.recv(4096):
                self.request.sendall(self.server.answer)
        except OSError:
            pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    # Short: on a starved machine a long queue would hold nothing but fetches that were given up, and no page came any more.
    request_queue_size = 64


def main():
    address, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    page = f"served by {name}\n".encode()
    with Server((address, port), Page) as server:
        server.answer = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)
        print("listening", flush=True)
        server.serve_forever()


main()
