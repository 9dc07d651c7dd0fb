"""webserver.py ADDRESS PORT NAME: serves one page that says who served it. Binds the address whether it is here or not."""
import socket
import sys


def main():
    address, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    page = f"served by {name}\n".encode()
    answer = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(512)
    print("listening", flush=True)
    while True:
        connection = listener.accept()[0]
        with connection:
            try:
                connection.settimeout(1)
                if connection.recv(4096):
                    connection.sendall(answer)
            except OSError:
                pass


main()
